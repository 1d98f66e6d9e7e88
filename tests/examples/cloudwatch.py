"""Alarms and dashboards: their shapes, and that they are of metrics that the agent sends."""

from __future__ import annotations

from dataclasses import dataclass

import jsonschema

import model


@dataclass
class Published:
    """What the agent sends, by itself: each metric and its unit."""

    namespace: str
    dimensions: dict[str, str]
    units: dict[str, str]

    def problems(self, namespace: str, metric: str, dimensions: dict[str, str]) -> list[str]:
        found = []
        if namespace != self.namespace:
            found.append(f"the agent publishes to {self.namespace} and not to {namespace}")
        if metric not in self.units:
            found.append(f"the agent sends no metric {metric}")
        if dimensions != self.dimensions:
            found.append(f"the agent sends {metric} with {self.dimensions} and not {dimensions}")
        return found


def alarm(text: str, published: Published) -> list[str]:
    value, found = model.parsed(text)
    return found or alarm_problems(value, published)


SINGLE = (
    "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods", "Threshold",
)


def alarm_problems(value: dict, published: Published) -> list[str]:
    found = model.problems("cloudwatch", "PutMetricAlarm", value)
    # The model leaves out what an alarm on a single metric cannot be without.
    found += [f"the alarm has no {name}" for name in SINGLE if name not in value]
    if found:
        return found
    dimensions = {pair["Name"]: pair["Value"] for pair in value["Dimensions"]}
    found = published.problems(value["Namespace"], value["MetricName"], dimensions)
    unit = published.units.get(value["MetricName"])
    if value.get("Unit", unit) != unit:
        found.append(f"the agent sends {unit} and not {value['Unit']}")
    # AWS takes the reserved periods and multiples of 60 s; the agent's is 60 s.
    if value["Period"] % 60:
        found.append("the period is no multiple of the agent's")
    if value.get("DatapointsToAlarm", 1) > value["EvaluationPeriods"]:
        found.append("more datapoints than periods")
    in_percent = unit == "Percent" and value["Statistic"] != "SampleCount"
    if in_percent and not 0 < value["Threshold"] < 100:
        found.append("no percentage passes the threshold, or all do")
    if value.get("TreatMissingData") not in ("missing", "breaching", "notBreaching", "ignore"):
        found.append("TreatMissingData is not one of the four")
    if not all(action.startswith("arn:") for action in value["AlarmActions"]):
        found.append("an action is no ARN")
    return found


def closed(properties: dict, required: list[str]) -> dict:
    return {
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": False,
    }


TEXT, INTEGER = {"type": "string", "minLength": 1}, {"type": "integer"}
# Amazon CloudWatch API reference, dashboard body structure and syntax; no more than is used here.
METRIC = closed(
    {
        "title": TEXT,
        "region": {"type": "string", "pattern": r"^[a-z]+(-[a-z]+)+-\d$"},
        "view": {"enum": ["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]},
        "stacked": {"type": "boolean"},
        "period": {"type": "integer", "minimum": 1},
        "stat": TEXT,
        "metrics": {"type": "array", "minItems": 1, "maxItems": 500, "items": {"type": "array"}},
        "yAxis": closed(
            {
                "left": closed(
                    {
                        "min": {"type": "number"}, "max": {"type": "number"}, "label": TEXT,
                        "showUnits": {"type": "boolean"},
                    },
                    [],
                ),
            },
            [],
        ),
    },
    ["region", "metrics"],
)
WIDGET = closed(
    {
        "type": {"const": "metric"},
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
        "width": {"type": "integer", "minimum": 1, "maximum": 24},
        "height": {"type": "integer", "minimum": 1, "maximum": 1000},
        "properties": METRIC,
    },
    ["type", "x", "y", "width", "height", "properties"],
)
BODY = closed({"widgets": {"type": "array", "minItems": 1, "items": WIDGET}}, ["widgets"])
LINE = closed({"stat": TEXT, "label": TEXT, "color": TEXT, "yAxis": TEXT}, [])
STATISTICS = ("Average", "Maximum", "Minimum", "Sum", "SampleCount")


def dashboard(text: str, published: Published) -> list[str]:
    body, found = model.parsed(text)
    found += model.problems(
        "cloudwatch", "PutDashboard", {"DashboardName": "name", "DashboardBody": text}
    )
    wrong = jsonschema.Draft7Validator(BODY).iter_errors(body)
    found += [f"{error.json_path}: {error.message}" for error in wrong]
    if found:
        return found
    for widget in body["widgets"]:
        if widget["x"] + widget["width"] > 24:
            found.append("a widget is beyond the right edge")
        properties = widget["properties"]
        shown = set()
        for line in properties["metrics"]:
            found += line_problems(line, published)
            shown.add(published.units.get(line[1]))
        if shown != {properties["yAxis"]["left"]["label"]}:
            found.append("the axis is not labelled with the unit of its metrics")
    return found


def line_problems(line: list, published: Published) -> list[str]:
    """Namespace, metric, names and values of dimensions by turns, and options."""
    options = line[-1] if isinstance(line[-1], dict) else {}
    names = [part for part in line if isinstance(part, str)]
    if len(names) < 2 or len(names) % 2 or len(names) + bool(options) != len(line):
        return [f"{line} is no metric"]
    found = [e.message for e in jsonschema.Draft7Validator(LINE).iter_errors(options)]
    if options.get("stat", "Average") not in STATISTICS:
        found.append(f"there is no statistic {options['stat']}")
    dimensions = dict(zip(names[2::2], names[3::2]))
    return found + published.problems(names[0], names[1], dimensions)
