#!/usr/bin/env python3
"""Holds the shape of the code: who may include whom, sizes, and a few habits.

    tools/tidy.py              checks every file of the project; one line per violation
    tools/tidy.py --self-test  plants each violation and looks whether it is found

The table of who may include whom stands here, once (docs/architecture.md explains it).
"""
import ast
import os
import re
import subprocess
import sys
import tempfile

COLUMNS_MAX = 100
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60

# Layer of a file by its folder; the longest prefix wins.
LAYERS = {
    'base/': 'base',
    'index/': 'index',
    'index/sets/': 'index/sets',
    'query/language/': 'language',
    'query/': 'query',
    'storage/': 'storage',
    'engine/': 'engine',
    'loader/': 'loader',
    'connect/': 'connect',
    'identity/': 'identity',
    'server/': 'server',
    'tests/': 'tests',
    'bench/': 'bench',
    'tools/': 'tools',
}

# Who may include whom. A layer includes lower ranks only; two of one rank do not know each other.
BEHIND_THE_DOOR = {'base', 'language', 'engine', 'index/sets', 'index/batch.h'}
MAY_INCLUDE = {
    'base': {'base'},
    'index': {'base', 'index', 'index/sets'},
    'index/sets': {'base', 'index', 'index/sets'},
    'language': {'base', 'language'},
    'query': {'base', 'index', 'index/sets', 'language', 'query'},
    'storage': {'base', 'index', 'index/sets', 'storage'},
    'engine': {'base', 'index', 'index/sets', 'language', 'query', 'storage', 'engine'},
    'loader': BEHIND_THE_DOOR | {'loader'},
    'connect': BEHIND_THE_DOOR | {'connect'},
    'identity': BEHIND_THE_DOOR | {'identity'},
    'server': {'base', 'engine', 'loader', 'connect', 'identity', 'server'},
}
USE_EVERYTHING = {'tests', 'bench', 'tools'}

# One file each, with the reason.
ALSO_MAY_INCLUDE = {
    # main builds everything and passes it down, the durable log too.
    'server/main.cpp': {'storage'},
}

# Third-party headers: prefix of the include, folders that may have it.
THIRD_PARTY = {
    'boost/beast': ['server/http/'],
    'boost/asio': ['server/http/'],
    'boost/container': ['query/'],  # Vectors that begin on the stack.
    'boost/json': ['query/language/', 'engine/', 'connect/', 'loader/', 'server/'],
    'boost/multiprecision': ['tests/'],  # A second arithmetic, to compare with.
    'boost/url': ['connect/', 'server/'],
    'rocksdb/': ['storage/'],
    'zstd': ['base/'],
    'curl/': ['connect/'],
    're2/': ['query/'],
    'openssl/': ['base/crypto', 'connect/', 'server/http/'],
    'simdjson': ['loader/'],
    'zlib.h': ['loader/', 'connect/', 'server/'],
    'roaring/': ['index/'],
    'tbb/': ['query/execute/', 'engine/', 'loader/'],
    'oneapi/': ['query/execute/', 'engine/', 'loader/'],
    'fmt/': [''],
    'spdlog/': ['server/'],
    'CLI/': ['server/'],
    'toml++/': ['server/'],
    'prometheus/': ['server/'],
    'utf8proc': ['base/'],
    'date/': ['base/'],
    'gtest/': ['tests/'],
    'gmock/': ['tests/'],
    'rapidcheck': ['tests/'],
    'benchmark/': ['bench/'],
}
# Besides fmt, nothing of others stands in our headers.
IN_HEADERS_TOO = ('fmt/',)
HEADERS_WITH_THIRD_PARTY = {
    # Private to the evaluator: its short lists stay on the stack.
    'query/execute/stack_vector.h': 'boost/container',
    # Private to the documents of connect: a reader that owns the parsed object.
    'connect/document_reader.h': 'boost/json',
    # Private to server/http: one connection, in parts.
    'server/http/session_parts.h': 'boost/asio',
}
# Headers that are meant to be included several times, so without #pragma once.
INCLUDED_AGAIN = {
    'index/kernels/avx512_loops.h',  # Once for each instruction set.
    'index/kernels/block_loops.h',
    'index/kernels/column_loops.h',
    'index/kernels/counter_loops.h',
    'index/kernels/counter_range_avx2.h',
    'index/kernels/counter_range_avx512.h',
    'index/kernels/counter_range_loop.h',
    'index/kernels/plain_kernels.h',
    'index/kernels/sse_arrays.h',
    'index/kernels/vector_columns.h',
}
SYSTEM_FOLDERS = ('sys/', 'arpa/', 'netinet/', 'net/', 'linux/')

CODE_SUFFIXES = ('.h', '.cpp', '.py', '.cmake', '.sh', '.js', '.css')
CODE_NAMES = ('CMakeLists.txt', '.ci/run', 'tools/setup', 'tools/test', 'tools/oracle',
              'tools/quickstart', 'tools/bench')
TEXT_SUFFIXES = CODE_SUFFIXES + ('.md', '.case', '.html', '.json', '.yaml', '.toml')

# Put together from pieces, so that this file does not find itself.
MACHINE_PATH = re.compile(r'(?<![\w.])/(?:' + '|'.join(['work', 'root', 'Users', 'home']) + r')/\w')
SKIPPED = re.compile('|'.join(['GTEST' + '_SKIP', r'\bDISABLED' + '_', r'\.skip' + r'Test\b',
                               r'unittest\.' + 'skip', '@' + r'skip(If|Unless)?\b']))
TO_DO = re.compile(r'\b(?:' + '|'.join(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X']) + r')\b')
TO_DO_WITH_NUMBER = re.compile(r'TO' + r'DO\(#\d+\): \S')
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def layer_of(path):
    """The layer a path belongs to, or None."""
    found = None
    for prefix, layer in LAYERS.items():
        if path.startswith(prefix) and (found is None or len(prefix) > len(found[0])):
            found = (prefix, layer)
    return found[1] if found else None


def include_violation(path, quote, target):
    """What is wrong with one include, or None."""
    if quote == '"':
        return own_include_violation(path, target)
    if target.startswith(SYSTEM_FOLDERS):
        return None
    for prefix, folders in THIRD_PARTY.items():
        if not target.startswith(prefix):
            continue
        if layer_of(path) in USE_EVERYTHING and prefix != 'benchmark/':
            return None
        if not any(path.startswith(folder) for folder in folders):
            return f'<{target}> may only be included in {", ".join(folders)}'
        allowed = prefix in IN_HEADERS_TOO or prefix == HEADERS_WITH_THIRD_PARTY.get(path)
        if path.endswith('.h') and not allowed:
            return f'<{target}> stands in a header; third-party headers belong into .cpp files'
        return None
    if '/' in target:
        return f'<{target}> is not in the table of third-party headers in tools/tidy.py'
    return None


def own_include_violation(path, target):
    """Whether one of our files may include another of ours."""
    source, wanted = layer_of(path), layer_of(target)
    if source is None or source in USE_EVERYTHING:
        return None
    if wanted is None:
        return f'"{target}" is not named from the project\'s root'
    allowed = MAY_INCLUDE[source] | ALSO_MAY_INCLUDE.get(path, set())
    if wanted in allowed or target in allowed:
        return None
    return f'{source} may not include "{target}" of layer {wanted}'


def function_violations(lines):
    """Functions at column 0 that are too long (bodies end with a brace at column 0)."""
    start = None
    for number, line in enumerate(lines, 1):
        opens = line.rstrip().endswith('{') and line[:1] not in (' ', '}', '#', '/', '')
        if start is None and opens:
            kind = line.split(None, 1)[0]
            inner = ('namespace', 'class', 'struct', 'enum', 'union', 'extern')
            template = line.startswith('template') and re.search(r'\b(class|struct) \w+', line)
            if kind not in inner and not template and '= {' not in line and '{{' not in line:
                start = number
        elif start is not None and line.startswith('}'):
            if number - start + 1 > FUNCTION_LINES_MAX and not line.startswith('};'):
                yield start, f'function of {number - start + 1} lines, at most {FUNCTION_LINES_MAX}'
            start = None


def python_violations(text):
    """Functions of a Python file that are too long."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield error.lineno or 1, f'does not parse: {error.msg}'
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            size = node.end_lineno - node.lineno + 1
            if size > FUNCTION_LINES_MAX:
                yield node.lineno, f'function of {size} lines, at most {FUNCTION_LINES_MAX}'


def header_violations(path, lines):
    """What every header must have."""
    first = lines[0] if lines else ''
    comment = []
    for line in lines:
        if not line.startswith('// '):
            break
        comment.append(line[3:].strip())
    sentence = ' '.join(comment)
    if not re.match(r'// [A-Z0-9`]\w*', first) or not re.search(r'[.?!:](\s|$)', sentence):
        yield 1, 'a header begins with a comment: one sentence that says what the file is for'
    if '#pragma once' not in lines and path not in INCLUDED_AGAIN:
        yield 1, 'a header needs #pragma once'


def is_code(path):
    return path.endswith(CODE_SUFFIXES) or path in CODE_NAMES or path.endswith('CMakeLists.txt')


def line_violations(path, lines):
    """What is wrong with single lines, whatever the language."""
    for number, line in enumerate(lines, 1):
        if is_code(path) and len(line) > COLUMNS_MAX:
            yield number, f'{len(line)} columns, at most {COLUMNS_MAX}'
        if '\t' in line:
            yield number, 'a tab'
        if line != line.rstrip():
            yield number, 'a space at the end of the line'
        if MACHINE_PATH.search(line):
            yield number, 'a path of somebody\'s machine'
        if TO_DO.search(line) and not TO_DO_WITH_NUMBER.search(line):
            yield number, 'unfinished work without its issue: write TO' + 'DO(#12): what'
        if SKIPPED.search(line):
            yield number, 'a test that does not run proves nothing'


def violations(path, text):
    """All violations of one file, as (line, sentence)."""
    lines = text.split('\n')
    if lines and lines[-1] == '':
        lines.pop()
    elif lines:
        yield len(lines), 'the last line has no end'
    yield from line_violations(path, lines)
    if is_code(path) and len(lines) > FILE_LINES_MAX:
        yield len(lines), f'{len(lines)} lines, at most {FILE_LINES_MAX}'
    if path.endswith(('.h', '.cpp')):
        yield from function_violations(lines)
        for number, line in enumerate(lines, 1):
            found = INCLUDE.match(line)
            sentence = include_violation(path, *found.groups()) if found else None
            if sentence:
                yield number, sentence
    if path.endswith('.h'):
        yield from header_violations(path, lines)
    if path.endswith('.py') or path == 'tools/oracle':
        yield from python_violations(text)


def project_files(root):
    """Paths of all files that belong to the project, relative to its root."""
    listed = subprocess.run(['git', '-C', root, 'ls-files', '-co', '--exclude-standard', '-z'],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted(set(filter(None, listed.stdout.split('\0'))))
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(('build', '.'))]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return sorted(found)


def check_project(root):
    """Prints every violation under root and returns how many there are."""
    count = 0
    for path in project_files(root):
        full = os.path.join(root, path)
        if not (path.endswith(TEXT_SUFFIXES) or is_code(path)) or not os.path.isfile(full):
            continue
        try:
            with open(full, encoding='utf-8', newline='') as stream:
                text = stream.read()
        except UnicodeDecodeError:
            print(f'{path}:1: not UTF-8')
            count += 1
            continue
        for number, sentence in violations(path, text):
            print(f'{path}:{number}: {sentence}')
            count += 1
    return count


def self_test():
    """Plants every violation of tests/tidy/planted.py and looks whether it is found."""
    sys.dont_write_bytecode = True
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, os.path.join(root, 'tests', 'tidy'))
    from planted import CLEAN, PLANTED
    wrong = 0
    for path, text in CLEAN:
        for number, sentence in violations(path, text):
            print(f'found where nothing is: {path}:{number}: {sentence}')
            wrong += 1
    for name, path, text, words in PLANTED:
        if not any(words in sentence for _, sentence in violations(path, text)):
            print(f'not found: {name}')
            wrong += 1
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, 'base'))
        with open(os.path.join(folder, 'base', 'bad.h'), 'w', encoding='utf-8') as stream:
            stream.write(PLANTED[0][2])
        if check_project(folder) == 0:
            print('not found: a violation in a folder without git')
            wrong += 1
    print(f'{len(CLEAN) + len(PLANTED) + 1 - wrong} passed, {wrong} failed')
    return wrong


def main():
    if sys.argv[1:] == ['--self-test']:
        return 1 if self_test() else 0
    if sys.argv[1:]:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    count = check_project(root)
    print(f'tidy: {count} violations' if count else 'tidy: no violations')
    return 1 if count else 0


if __name__ == '__main__':
    sys.exit(main())
