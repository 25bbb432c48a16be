#!/usr/bin/env python3
"""Builds and tests everything, phase by phase, and adds up what passed and what failed.

    tools/test            all phases
    tools/test --quick    release build, its tests and the fast end-to-end tests
    tools/test --only e2e,tsan    some phases
    tools/test --list     the phases

Everything built lands in build/. Every phase prints what it runs, its tests' own summary and its
time; the last line is `N passed, N failed`. Ends with 0 if nothing failed.
"""
import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What one clone compiled serves every other, wherever it lies.
os.environ.setdefault('CCACHE_BASEDIR', ROOT)
os.environ.setdefault('CCACHE_NOHASHDIR', '1')
BUILD = os.path.join(ROOT, 'build')
SHARED = os.environ.get('MUSTER_SHARED') or os.path.join(ROOT, '..', 'shared')
FUZZ_SECONDS = 10
PHASE_SECONDS_MAX = 45 * 60
FAILURE_LINES_MAX = 30
JOBS = os.cpu_count() or 2

ORACLES = {
    # data set: (reference time, right answers that are needed)
    'quickstart': ('2018-01-01T05:00:00Z', 28),
    'shop': ('2019-07-01T00:00:00Z', 18),
}


class Tally:
    """What passed and what failed, each failure with the end of what it printed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.broken = []

    def add(self, passed, failed, name, output=''):
        self.passed += passed
        self.failed += failed
        if failed:
            self.broken.append((name, output))

    def add_one(self, ran, name):
        self.add(1 if ran else 0, 0 if ran else 1, name, ran.output)


class Ran:
    """A command that ended: true if it ended as it should, with the last of what it printed."""

    def __init__(self, good, lines):
        self.good = good
        self.output = '\n'.join(lines)

    def __bool__(self):
        return self.good


def run(command, environment=None, ends_with=0):
    """Runs a command to its end, shows its output, and returns how it ended."""
    print('$ ' + ' '.join(command).replace(ROOT + '/', ''), flush=True)
    merged = dict(os.environ, **(environment or {}))
    lines = collections.deque(maxlen=FAILURE_LINES_MAX)
    with subprocess.Popen(command, cwd=ROOT, env=merged, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace') as process:
        overdue = threading.Timer(PHASE_SECONDS_MAX, process.kill)
        overdue.daemon = True
        overdue.start()
        for line in process.stdout:
            lines.append(line.rstrip('\n'))
            print(line, end='', flush=True)
        code = process.wait()
        overdue.cancel()
    if code != ends_with:
        lines.append(f'{command[0]} ended with {code}')
        print(lines[-1], flush=True)
    return Ran(code == ends_with, lines)


def build(preset, targets=()):
    """Configures and builds one preset. The sanitizer builds have a folder each."""
    if not run(['cmake', '--preset', preset, '-Wno-dev']):
        return False
    return run(['cmake', '--build', os.path.join(BUILD, preset), '-j', str(JOBS),
                *(['--target', *targets] if targets else [])])


def ctest(preset, tally, before=(), environment=None, options=()):
    """Runs the tests of one build folder and adds up its report."""
    folder = os.path.join(BUILD, preset)
    report = os.path.join(folder, 'tests.xml')
    if os.path.exists(report):
        os.remove(report)
    good = run([*before, 'ctest', '--test-dir', folder, '-j', str(JOBS), '--output-on-failure',
                '--no-tests=error', '--output-junit', report, *options], environment)
    failed = 0
    for name, passes, output in cases_of(report):
        tally.add(passes, not passes, f'{name} (ctest of {preset})', output)
        failed += not passes
    if not good and failed == 0:
        tally.add(0, 1, f'ctest of {preset}')


def cases_of(report):
    """Name, whether it passed, and output of each test of a JUnit file; one not run has failed."""
    if not os.path.exists(report):
        return
    for case in xml.etree.ElementTree.parse(report).getroot().iter('testcase'):
        yield case.get('name'), case.get('status') == 'run', case.findtext('system-out') or ''


def built(preset, tally, targets=()):
    """Builds and counts a failure; a build that works is no test."""
    good = build(preset, targets)
    if not good:
        tally.add(0, 1, f'build of {preset}')
    return good


def has_shared():
    return os.path.isdir(os.path.join(SHARED, 'data'))


def phase_release(tally, _asked):
    """Release build and its tests, the shape of the code among them."""
    if built('release', tally):
        ctest('release', tally)


def phase_e2e(tally, asked):
    """End to end: the built program over HTTP and its command line."""
    run_e2e(tally, os.path.join(BUILD, 'release', 'muster'), ['--quick'] if asked.quick else [])


def run_e2e(tally, binary, options):
    results = os.path.join(BUILD, 'e2e.json')
    if os.path.exists(results):
        os.remove(results)
    run([sys.executable, os.path.join(ROOT, 'tests', 'e2e', 'run.py'), '--binary', binary,
         '--results', results, *options])
    if os.path.exists(results):
        with open(results, encoding='utf-8') as stream:
            numbers = json.load(stream)
        tally.add(numbers['passed'], numbers['failed'], 'end to end')
    else:
        tally.add(0, 1, 'end to end')


def phase_oracle(tally, asked):
    """Questions with known answers, once plainly and once after a kill -9 during the load."""
    if not has_shared():
        print('not run: shared data absent', flush=True)
        return
    for name, (now, needed) in ORACLES.items():
        for options in ([], ['--kill']):
            if asked.quick and options:
                continue
            good = run([os.path.join(ROOT, 'tools', 'oracle'),
                        '--data', os.path.join(SHARED, 'data', name),
                        '--schema', f'tests/oracle/{name}.schema.json',
                        '--expressions', f'tests/oracle/{name}.json',
                        '--expected', os.path.join(SHARED, 'data', 'oracle', name,
                                                   'expected.json'),
                        '--now', now, '--at-least', str(needed), *options])
            tally.add_one(good, f'oracle {name} {" ".join(options)}')


# What tools/torture ends with when a promise was broken.
BROKEN = 3
TORTURES = {
    # what is broken, and the sabotages of it that must be found
    'kills': ['drop-record'],
    'power': ['lying-disk'],
    'syncfail': ['lying-disk'],
    'faults': ['silent-change'],
    'duplicates': ['new-ids'],
    'diskfull': ['lost-batch'],
    'memory': ['no-limit'],
    'clock': ['stuck-clock'],
    'simulation': ['early-ack', 'drop-record', 'skip-expiry', 'bad-checksum'],
    'export': ['forget-outcome', 'lose-outcome', 'change-body', 'lose-removal'],
}
# Rounds until a sabotage is found at the latest; else 10.
SABOTAGED_ROUNDS = {'syncfail': '1', 'simulation': '100'}


def can_mount():
    """Whether a file system of its own can be had, for a disk that gets full."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(['mount', '-t', 'tmpfs', 'none', folder], check=False,
                                 capture_output=True).returncode == 0
        if mounted:
            subprocess.run(['umount', folder], check=False)
        return mounted


def phase_torture(tally, _asked):
    """Servers killed, cut off from power, damaged, without room or time; and sabotaged."""
    if not built('release', tally, ['muster', 'disk_shim', 'clock_shim', 'simulation_tests']):
        return
    for what, sabotages in TORTURES.items():
        if what == 'diskfull' and not can_mount():
            print('torture diskfull: not run: no file system can be mounted here', flush=True)
            continue
        torture = [os.path.join(ROOT, 'tools', 'torture'), what]
        tally.add_one(run(torture), f'torture {what}')
        for sabotage in sabotages:
            sabotaged = [*torture, '--count', SABOTAGED_ROUNDS.get(what, '10'),
                         '--sabotage', sabotage]
            tally.add_one(run(sabotaged, ends_with=BROKEN),
                          f'torture {what} --sabotage {sabotage} does not find it')


def phase_asan(tally, _asked):
    """Everything once more with the address and undefined-behaviour sanitizers."""
    environment = {'ASAN_OPTIONS': 'detect_leaks=1:abort_on_error=0',
                   'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1'}
    if built('debug', tally):
        ctest('debug', tally, environment=environment, options=['-E', '^tidy'])
        run_e2e(tally, os.path.join(BUILD, 'debug', 'muster'), ['hostile', 'bad_input'])


def phase_tsan(tally, _asked):
    """index, query and engine with the thread sanitizer, over a log in memory."""
    # Without address randomisation: the sanitizer's memory map does not fit all layouts of Linux.
    layers = ('index', 'query', 'engine', 'golden', 'simulation')
    if built('tsan', tally, [f'{layer}_tests' for layer in layers]):
        ctest('tsan', tally, before=['setarch', os.uname().machine, '-R'],
              environment={'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1'},
              options=['-L', f'^({"|".join(layers)})$'])


def phase_fuzz(tally, _asked):
    """Each fuzz target for some seconds, beginning with its kept corpus."""
    if not built('fuzz', tally, ['fuzz_targets']):
        return
    sources = os.path.join(ROOT, 'tests', 'fuzz')
    seed = int(os.environ.get('MUSTER_SEED') or random.randrange(1, 2**31))
    for source in sorted(os.listdir(sources)):
        if not source.endswith('_fuzz.cpp'):
            continue
        name = source.removesuffix('_fuzz.cpp')
        work = os.path.join(BUILD, 'fuzz', 'work', name)
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(os.path.join(sources, 'corpus', name), os.path.join(work, 'corpus'))
        tally.add_one(fuzz(name, seed, work), f'fuzz {name} (seed {seed}; input in {work})')


def fuzz(name, seed, work):
    """Runs one fuzz target; its output is shown when it found something."""
    log = os.path.join(work, 'log')
    command = [os.path.join(BUILD, 'fuzz', 'tests', 'fuzz', f'{name}_fuzz'), f'-seed={seed}',
               f'-max_total_time={FUZZ_SECONDS}', '-timeout=5', '-rss_limit_mb=2048',
               '-print_final_stats=1', f'-artifact_prefix={work}/', os.path.join(work, 'corpus')]
    with open(log, 'w', encoding='utf-8') as stream:
        good = subprocess.run(command, stdout=stream, stderr=stream, check=False,
                              timeout=PHASE_SECONDS_MAX).returncode == 0
    with open(log, encoding='utf-8', errors='replace') as stream:
        lines = stream.read().splitlines()
    runs = [line.split()[-1] for line in lines if 'number_of_executed_units' in line]
    print(f'fuzz {name}: {runs[0] if runs else 0} inputs, seed {seed}: '
          f'{"nothing found" if good else "FOUND"}', flush=True)
    if not good:
        print('\n'.join(lines[-60:]), flush=True)
    return Ran(good, lines[-FAILURE_LINES_MAX:])


def phase_sdk(tally, _asked):
    """The stock SDKs of npm send through a proxy that fails."""
    tally.add_one(run([os.path.join(ROOT, 'tools', 'sdk-test')]), 'tools/sdk-test')


PHASES = {
    'release': phase_release,
    'e2e': phase_e2e,
    'oracle': phase_oracle,
    'sdk': phase_sdk,
    'torture': phase_torture,
    'asan': phase_asan,
    'tsan': phase_tsan,
    'fuzz': phase_fuzz,
}
QUICK_PHASES = ('release', 'e2e', 'oracle')


def arguments():
    parser = argparse.ArgumentParser(prog='tools/test', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='what an everyday change needs')
    parser.add_argument('--only', metavar='PHASES', help='comma-separated names')
    parser.add_argument('--list', action='store_true', help='name the phases and end')
    asked = parser.parse_args()
    chosen = QUICK_PHASES if asked.quick else tuple(PHASES)
    if asked.only:
        chosen = tuple(asked.only.split(','))
        unknown = [name for name in chosen if name not in PHASES]
        if unknown:
            parser.error(f'there is no phase {unknown[0]}; known are {", ".join(PHASES)}')
    return asked, chosen


def main():
    asked, chosen = arguments()
    if asked.list:
        for name, phase in PHASES.items():
            print(f'{name:8} {phase.__doc__}')
        return 0
    if not has_shared():
        print('not run: shared data absent (oracle and hostile inputs; the rest runs)', flush=True)
    tally = Tally()
    times = []
    for name in chosen:
        print(f'\n== {name}: {PHASES[name].__doc__}', flush=True)
        began = time.monotonic()
        PHASES[name](tally, asked)
        times.append((name, time.monotonic() - began))
        print(f'== {name}: {times[-1][1]:.0f} s', flush=True)
    print('\n' + ', '.join(f'{name} {seconds:.0f} s' for name, seconds in times))
    for name, output in tally.broken:
        print(f'failed: {name}')
        for line in output.strip().splitlines()[-FAILURE_LINES_MAX:]:
            print(f'    {line}')
    print(f'{tally.passed} passed, {tally.failed} failed')
    return 1 if tally.failed else 0


if __name__ == '__main__':
    sys.exit(main())
