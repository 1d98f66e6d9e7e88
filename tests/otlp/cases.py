"""Cases of --publish otlp with the real binary: cases.py BINARY [CASE...]"""

import os
import sys

import receiver
import receiver_cases
import rotel
import victoria_metrics
import what_fails
import what_is_sent

MODULES = [receiver_cases, what_is_sent, what_fails, victoria_metrics, rotel]
CASES = [case for module in MODULES for case in module.CASES]
# The program that is not there.
CANNOT = {
    case: name
    for module, name in [(victoria_metrics, "VictoriaMetrics"), (rotel, "rotel")]
    for case in module.CASES
    if not module.PROGRAM
}


def run(case):
    """Runs a case. All that its receivers have got must be as CloudWatch wants it."""
    try:
        case()
        for one in receiver.Receiver.made:
            assert not one.problems, one.problems[:5]
    finally:
        while receiver.Receiver.made:
            receiver.Receiver.made.pop().close()


def main():
    chosen = [case for case in CASES if not sys.argv[2:] or case.__name__ in sys.argv[2:]]
    assert chosen, f"no such case: {sys.argv[2:]}"
    failed = skipped = 0
    for case in chosen:
        if case in CANNOT:
            skipped += 1
            print(f"SKIPPED {case.__name__}: there is no {CANNOT[case]} here", flush=True)
            continue
        try:
            run(case)
            print(f"ok      {case.__name__}", flush=True)
        except Exception as problem:  # Each case is told of, whatever it fails with.
            failed += 1
            where = problem.__traceback__
            while where.tb_next:
                where = where.tb_next
            file = os.path.basename(where.tb_frame.f_code.co_filename)
            print(f"FAILED  {case.__name__}: {file}, line {where.tb_lineno}: {problem!r}"[:3000], flush=True)
    print(f"otlp: {len(chosen) - failed - skipped} of {len(chosen)} cases")
    sys.exit(1 if failed else 3 if skipped else 0)


if __name__ == "__main__":
    os.environ.pop("RUST_LOG", None)
    main()
