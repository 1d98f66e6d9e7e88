"""What the workflow of a release replaces, and when: its scripts with stand-ins for gh and docker. lint.sh runs it."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
JOBS = WORKFLOW["jobs"]
NEWEST_ALONE = "steps.version.outputs.newest == 'true'"


def step(job, what):
    """The one whose script or action has this in it, and its place."""
    steps = JOBS[job]["steps"]
    (found,) = (place for place, each in enumerate(steps) if what in each.get("run", "") + each.get("uses", ""))
    return steps[found], found


class Release(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.programs = self.folder / "programs"
        self.programs.mkdir()
        self.called = self.folder / "called"

    def program(self, name, script):
        file = self.programs / name
        file.write_text(f"#!/usr/bin/env bash\n{script}\n")
        file.chmod(0o755)

    def releases(self, *tags, code=0):
        self.program("gh", f"printf '%s\\n' {' '.join(tags)}; exit {code}" if tags else f"exit {code}")

    def run_script(self, *command, **variables):
        environment = os.environ | {"PATH": f"{self.programs}:{os.environ['PATH']}"} | variables
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def run_step(self, job, what, **variables):
        """As a runner does it; what the step is given by expressions comes from here."""
        given = step(job, what)[0].get("env", {})
        self.assertLessEqual({name for name in given if name != "GH_TOKEN" and name != "GH_REPO"}, variables.keys())
        return self.run_script("bash", "-e", "-c", step(job, what)[0]["run"], **variables)

    def recorded(self):
        return [json.loads(line) for line in self.called.read_text().splitlines()]

    def record(self, name, output=""):
        self.program(name, f"""python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@" >> {self.called}\n{output}""")

    # Which is the newest.

    def assert_newest(self, tag, expected, *tags):
        self.releases(*tags)
        code, said, wrong = self.run_script(ROOT / "scripts/release/newest.sh", tag)
        self.assertEqual((code, said), (0, f"newest={expected}\n"), wrong)

    def test_the_first_release_is_the_newest(self):
        self.assert_newest("v0.3.0", "true")

    def test_a_version_is_the_newest_by_its_numbers(self):
        self.assert_newest("v0.3.0", "true", "v0.2.9", "v0.3.0")
        self.assert_newest("v0.10.0", "true", "v0.9.0", "v0.2.11")
        self.assert_newest("v0.9.0", "false", "v0.10.0")
        self.assert_newest("v1.0.9", "false", "v1.0.10", "v1.0.9", "v0.1.0")
        self.assert_newest("v1.9.9", "false", "v2.0.0")

    def test_what_is_no_version_of_three_numbers_is_never_the_newest(self):
        self.assert_newest("v0.4.0-rc.1", "false", "v0.3.0")
        self.assert_newest("v0.4.0-rc.1", "false")
        # And stands in the way of none.
        self.assert_newest("v0.3.0", "true", "v0.4.0-rc.1", "nightly", "v9", "9.0.0", "v0.2.0")

    def test_where_the_releases_are_not_known_it_fails(self):
        self.releases("v0.1.0", code=1)
        code, said, wrong = self.run_script(ROOT / "scripts/release/newest.sh", "v0.3.0")
        self.assertEqual((code, said), (1, ""))
        self.assertIn("the releases are not known: gh release list has failed", wrong)
        self.releases("v0.1.0")
        for tag in ("0.3.0", "v0.3", "v0.3.0\nnewest=true", "v00.3.0", "main"):
            code, said, wrong = self.run_script(ROOT / "scripts/release/newest.sh", tag)
            self.assertEqual((code, said), (2, ""), tag)
            self.assertIn("and not v and a version, such as v0.3.0", wrong)

    # What the workflow does with it.

    def test_one_release_runs_at_a_time(self):
        group = WORKFLOW["concurrency"]
        # The same for each tag.
        self.assertNotIn("${{", group["group"])
        self.assertFalse(group["cancel-in-progress"])

    def test_each_job_that_replaces_something_asks_itself_and_before(self):
        for job, what in (("publish", "gh release create"), ("repositories", "deploy-pages"), ("image", "buildx build")):
            asked, place = step(job, "scripts/release/newest.sh")
            self.assertEqual(asked["id"], "version")
            self.assertLess(place, step(job, what)[1], job)
        # Nothing else hands on what one of them was told.
        self.assertFalse([job for job in JOBS if "outputs" in JOBS[job]])

    def test_an_older_version_leaves_the_repositories(self):
        _, place = step("repositories", "scripts/release/newest.sh")
        rest = JOBS["repositories"]["steps"][place + 1 :]
        self.assertEqual({each.get("if") for each in rest}, {NEWEST_ALONE})
        self.assertGreater(len(rest), 2)

    def test_an_older_version_leaves_the_tag_latest(self):
        self.record("docker", "echo '{}' > image.json")
        self.program("git", "echo 1700000000")
        for newest, expected in (("true", ["ghcr.io/owner/agent:0.3.0", "ghcr.io/owner/agent:latest"]), ("false", ["ghcr.io/owner/agent:0.3.0"])):
            self.called.write_text("")
            code, _, wrong = self.run_step(
                "image", "buildx build", NEWEST=newest, GITHUB_REPOSITORY="Owner/agent", GITHUB_REF_NAME="v0.3.0", GITHUB_SHA="1",
                GITHUB_SERVER_URL="https://example.com", GITHUB_OUTPUT=str(self.folder / "output"),
            )  # fmt: skip
            self.assertEqual(code, 0, wrong)
            build = self.recorded()[-1]
            tags = [build[place + 1] for place, word in enumerate(build) if word == "--tag"]
            self.assertEqual(tags, expected)

    def test_the_release_of_an_older_version_is_not_the_latest(self):
        self.record("gh")
        (self.folder / "dist/notes").mkdir(parents=True)
        (self.folder / "dist/notes/key.md").write_text("The key.\n")
        (self.folder / "dist/SHA256SUMS").write_text("")
        for tag, newest, expected in (
            ("v0.3.0", "true", ["--latest=true"]), ("v0.2.1", "false", ["--latest=false"]), ("v0.4.0-rc.1", "false", ["--latest=false", "--prerelease"]),
        ):  # fmt: skip
            self.called.write_text("")
            code, _, wrong = self.run_step("publish", "gh release create", NEWEST=newest, GITHUB_REF_NAME=tag)
            self.assertEqual(code, 0, wrong)
            (created,) = self.recorded()
            self.assertEqual(created[:3], ["release", "create", tag])
            self.assertEqual([word for word in created if word.startswith(("--latest", "--prerelease"))], expected)
            # The fingerprint is in the notes, and is no file of the release.
            self.assertEqual(created[created.index("--notes-file") + 1], "dist/notes/key.md")
            self.assertEqual([word for word in created[3:] if not word.startswith("--")], ["dist/notes/key.md", "dist/SHA256SUMS"])

    def test_a_version_that_is_there_is_not_published_again(self):
        for there in (0, 1):
            self.program("gh", f"exit {there}")
            code, said, _ = self.run_step("publish", "gh release view", GITHUB_REF_NAME="v0.3.0")
            self.assertEqual(code, 1 - there)
            self.assertEqual("::error::the release v0.3.0 is there" in said, not there)
        self.assertLess(step("publish", "gh release view")[1], step("publish", "attest-build-provenance")[1])
        # The image of that version is not made again, either.
        self.assertEqual({JOBS[job]["needs"] for job in ("repositories", "image")}, {"publish"})

    def test_the_documents_name_the_workflow_that_attests(self):
        attests = [job for job in JOBS.values() if any("attest-build-provenance" in each.get("uses", "") for each in job["steps"])]
        self.assertTrue(attests)
        said = [line for line in (ROOT / "docs/install.md").read_text().splitlines() if line.startswith("gh attestation verify")]
        self.assertGreater(len(said), 2)
        for line in said:
            self.assertTrue(
                line.endswith(" --repo OWNER/cloudwatch_metrics_agent --signer-workflow OWNER/cloudwatch_metrics_agent/.github/workflows/release.yml"), line
            )


if __name__ == "__main__":
    unittest.main()
