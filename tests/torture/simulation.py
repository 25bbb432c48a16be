"""Whole lives of an engine, each from one seed: the program of tests/simulation, counted here."""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join('build', 'release', 'tests', 'simulation_tests')
SECONDS_PER_LIFE_MAX = 30


def run(torture):
    program = os.path.join(ROOT, PROGRAM)
    if not os.path.exists(program):
        raise SystemExit(f'torture: there is no {PROGRAM}; build it with '
                         'cmake --build build/release --target simulation_tests')
    asked = torture.asked
    environment = dict(os.environ, MUSTER_CASES=str(asked.count), MUSTER_SEED=str(asked.seed),
                       MUSTER_SABOTAGE=asked.sabotage or '')
    done = subprocess.run([program, '--gtest_filter=Simulation.NoLifeBreaksAPromise'],
                          env=environment, check=False, capture_output=True, text=True,
                          timeout=60 + asked.count * SECONDS_PER_LIFE_MAX)
    told = re.search(r'^\d+ lives from seed .*$', done.stdout, re.MULTILINE)
    if done.returncode != 0 or not told:
        torture.tell(done.stdout[-6000:] + done.stderr[-2000:])
        return
    print(told.group(0), flush=True)
    tally = {what: int(times) for times, what in re.findall(r' (\d+) ([a-z ]+);', told.group(0))}
    torture.model.acknowledged = tally['writes']
    torture.model.questions = tally['questions']
    torture.model.checkpoints = tally['checkpoints']
    torture.model.compactions = tally.get('compactions', 0)
    torture.resent = tally['writes under way']
    torture.figures['what_happened'] = tally
