#!/usr/bin/env python3
"""Runs the end-to-end tests against a built muster.

    tests/e2e/run.py [--binary PATH] [--quick] [--results FILE] [NAME...]

NAME is a module (test_main_job) or a part of a test's name. Prints each test with its time, then
unittest's own summary; --results also writes the two numbers as JSON. --quick leaves out the
tests that mark themselves slow. An answer of the server that server/openapi.json does not list for
its route is a failure, too.
"""
import argparse
import json
import os
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


class TimedResult(unittest.TextTestResult):
    """Says how long every test took."""

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.stream.writeln(f'    {time.monotonic() - self.began:.1f} s')


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def is_slow(test):
    method = getattr(test, getattr(test, '_testMethodName', ''), None)
    return getattr(method, 'slow', False)


def check_answers(path):
    """How many answers were seen that the OpenAPI document does not list; names them."""
    import answers  # Behind the path of its own.
    found = answers.unlisted(answers.read(path))
    for answer in found:
        print(f'server/openapi.json does not list: {answer}')
    return len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binary', help='the muster program; default build/release/muster')
    parser.add_argument('--quick', action='store_true', help='leave out the slow ones')
    parser.add_argument('--results', help='write {"passed", "failed"} there')
    parser.add_argument('names', nargs='*', help='only tests whose id contains one of these')
    asked = parser.parse_args()
    if asked.binary:
        os.environ['MUSTER_BINARY'] = os.path.abspath(asked.binary)
    noted = tempfile.NamedTemporaryFile(prefix='muster-answers-')
    os.environ['MUSTER_ANSWERS'] = noted.name
    found = tests_of(unittest.defaultTestLoader.discover(HERE, 'test_*.py', HERE))
    chosen = [test for test in found
              if (not asked.names or any(name in test.id() for name in asked.names))
              and not (asked.quick and is_slow(test))]
    if not chosen:
        print('no test has such a name', file=sys.stderr)
        return 2
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=TimedResult)
    result = runner.run(unittest.TestSuite(chosen))
    broken = {test.id() for test, _ in result.failures + result.errors
              if not hasattr(test, 'test_case')}
    broken |= {test.test_case.id() for test, _ in result.failures + result.errors
               if hasattr(test, 'test_case')}
    unlisted = check_answers(noted.name)
    if asked.results:
        with open(asked.results, 'w', encoding='utf-8') as stream:
            json.dump({'passed': result.testsRun - len(broken),
                       'failed': len(broken) + (unlisted > 0)}, stream)
    return 0 if result.wasSuccessful() and unlisted == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
