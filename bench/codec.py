"""Times decode and encode of four PDUs in twisted_smpp, python-smpplib and aiosmpplib.

    python codec.py                      all, some minutes; what is not installed is left out
    python codec.py --fast               fewer processes
    python codec.py -o codec.json        keep the figures; then: python -m pyperf stats codec.json
    python codec.py --pdu submit_sm      only that one

CPU microseconds of one operation, measured by pyperf in several processes: median and standard
deviation. The ratio is the other library's time to ours. The libraries take turns for each
operation, so that they see the same noise.
"""

import sys
import time

import pyperf
from codec_cases import LIBRARIES, PDUS, available, check

OURS = "twisted_smpp"
OPERATIONS = ("decode", "encode")


def timed(loops, library, pdu, operation):
    """Imports and builds outside of the measured time; CPU time, not the clock on the wall."""
    function = LIBRARIES[library]()[pdu][operation]
    rounds = range(loops)
    begin = time.process_time()
    for _ in rounds:
        function()
    return time.process_time() - begin


def name_of(library, pdu, operation):
    return f"{library} {pdu} {operation}"


def medians(benchmarks):
    """(pdu, operation) -> library -> microseconds."""
    table = {}
    for benchmark in benchmarks:
        library, pdu, operation = benchmark.get_name().split()
        values = [value * 1e6 for value in benchmark.get_values()]
        table.setdefault((pdu, operation), {})[library] = {
            "median": round(benchmark.median() * 1e6, 3),
            "min": round(min(values), 3),
            "max": round(max(values), 3),
            "runs": len(values),
        }
    return table


def lines(table):
    """The table as text, with the ratios to ours."""
    yield f"{'':24} {'library':14} {'us (median)':>12} {'times ours':>11}"
    for (pdu, operation), row in table.items():
        ours = row.get(OURS)
        for library, figures in row.items():
            ratio = f"{figures['median'] / ours['median']:11.1f}" if ours else ""
            yield f"{pdu + ' ' + operation:24} {library:14} {figures['median']:12.2f} {ratio}"


def main():
    runner = pyperf.Runner(
        processes=4,
        values=5,
        add_cmdline_args=lambda command, options: command.extend(
            ["--pdu", options.pdu] if options.pdu else []
        ),
    )
    runner.argparser.description = __doc__
    runner.argparser.add_argument("--pdu", choices=list(PDUS))
    options = runner.parse_args()
    if not options.worker:
        for library in available():
            for wrong in check(library):
                sys.exit(wrong)
    done = []
    for pdu in [options.pdu] if options.pdu else PDUS:
        for operation in OPERATIONS:
            for library in available():
                name = name_of(library, pdu, operation)
                done.append(runner.bench_time_func(name, timed, library, pdu, operation))
    if not options.worker:
        print("\n".join(lines(medians(filter(None, done)))))


if __name__ == "__main__":
    main()
