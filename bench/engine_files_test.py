#!/usr/bin/env python3
"""Runs engine_bench over a folder of bitmaps of every kind, and over one that is damaged.

    bench/engine_files_test.py PROGRAM
"""
import os
import random
import subprocess
import sys
import tempfile

MEMBERS_MAX = 200_000
SEED = 11


def bitmaps():
    """Members of twelve sets: few, many, runs, and those of one corner."""
    chance = random.Random(SEED)
    for kind in range(12):
        if kind % 4 == 0:
            yield sorted(chance.sample(range(MEMBERS_MAX), 500))
        elif kind % 4 == 1:
            yield sorted(chance.sample(range(MEMBERS_MAX), 60_000))
        elif kind % 4 == 2:
            start = chance.randrange(20_000)
            yield [i for i in range(start, MEMBERS_MAX) if i // 5_000 % 3 == 0]
        else:
            yield sorted(chance.sample(range(65_000, 66_000), 400))


def main():
    """Both runs; the first must end well, the second must name the file."""
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        for number, members in enumerate(bitmaps()):
            with open(os.path.join(folder, f'{number:02}.txt'), 'w', encoding='ascii') as file:
                file.write(','.join(map(str, members)) + '\n')
        ask = [program, '--file-of-bitmaps', folder, '--rounds', '3', '--seconds', '0.01']
        subprocess.run(ask, check=True)
        with open(os.path.join(folder, '99.txt'), 'w', encoding='ascii') as file:
            file.write('1,2,x')
        damaged = subprocess.run(ask, capture_output=True, text=True, check=False)
        if damaged.returncode == 0 or '99.txt: byte 4' not in damaged.stderr:
            sys.exit('a damaged file was not named: ' + damaged.stderr)


if __name__ == '__main__':
    main()
