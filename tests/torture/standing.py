"""Whole lives of standing segments, each from one seed: a test of tests/engine, counted here."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join('build', 'release', 'tests', 'engine_tests')
SECONDS_PER_LIFE_MAX = 60


def run(torture):
    program = os.path.join(ROOT, PROGRAM)
    if not os.path.exists(program):
        raise SystemExit(f'torture: there is no {PROGRAM}; build it with '
                         'cmake --build build/release --target engine_tests')
    asked = torture.asked
    environment = dict(os.environ, MUSTER_CASES=str(asked.count), MUSTER_SEED=str(asked.seed))
    if asked.sabotage:
        environment['MUSTER_SABOTAGE'] = asked.sabotage
    done = subprocess.run([program, '--gtest_filter=Standing.IsWhatAFreshQuestionSays'],
                          env=environment, check=False, capture_output=True, text=True,
                          timeout=60 + asked.count * SECONDS_PER_LIFE_MAX)
    if done.returncode != 0:
        torture.tell(done.stdout[-6000:] + done.stderr[-2000:])
