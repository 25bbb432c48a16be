"""Runs the example sessions of a document, so that what it shows is what happens.

A session is a fence ```sh session. A line `$ command` is run by bash in a scratch folder, with
muster on the PATH; the lines behind it, up to the next command, are what it must print. Within
such a line `...` stands for anything; a line of only `...` stands for any lines. A command that
ends with ` &` runs until the document ends.
"""
import os
import re
import signal
import socket
import subprocess
import time

from support import muster_client

PORT_IN_DOCUMENTS = 8080


class Step:
    """One command and what it must print."""

    def __init__(self, command, line):
        self.command = command
        self.line = line
        self.expected = []

    def is_open(self):
        """Whether the next line belongs to the command: a here document, or a backslash."""
        if self.expected:
            return False
        document = re.search(r"<<'(\w+)'", self.command)
        if document:
            return self.command.split('\n')[-1] != document[1]
        return self.command.endswith('\\')


def steps_of(text):
    """All steps of all sessions of a document, in order."""
    steps = []
    inside = False
    for number, line in enumerate(text.split('\n'), 1):
        if line.startswith('```'):
            inside = line.strip() == '```sh session'
        elif inside and line.startswith('$ '):
            steps.append(Step(line[2:], number))
        elif inside and steps and steps[-1].is_open():
            steps[-1].command += '\n' + line
        elif inside and steps:
            steps[-1].expected.append(line)
    return steps


def pattern_of(expected):
    """A regular expression for the lines that must be printed."""
    lines = []
    for line in expected:
        if line.strip() == '...':
            lines.append(r'(?:[^\n]*\n)*')
        else:
            lines.append(re.escape(line.rstrip()).replace(re.escape('...'), r'[^\n]*') + '\n')
    return ''.join(lines)


def matches(expected, printed):
    tidy = ''.join(line.rstrip() + '\n' for line in printed.rstrip('\n').split('\n')) \
        if printed.strip() else ''
    return re.fullmatch(pattern_of(expected), tidy) is not None


def free_port():
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        return unused.getsockname()[1]


class Session:
    """A scratch folder and the processes that a document started in it."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.environment = dict(os.environ)
        binary_folder = os.path.dirname(os.path.abspath(muster_client.default_binary()))
        self.environment['PATH'] = binary_folder + ':' + os.environ['PATH']
        # Commands without --server mean the port that the document names.
        self.environment['MUSTER_SERVER'] = f'http://127.0.0.1:{self.port}'
        self._background = []

    def run(self, step):
        """Runs one step and returns what it printed."""
        command = step.command.replace(str(PORT_IN_DOCUMENTS), str(self.port))
        if command.rstrip().endswith('&'):
            return self._start(command.rstrip()[:-1].rstrip())
        done = subprocess.run(['bash', '-c', command], cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=300, check=False)
        if done.returncode != 0:
            raise AssertionError(f'ended with {done.returncode}: {command}\n{done.stdout}')
        return done.stdout.replace(str(self.port), str(PORT_IN_DOCUMENTS))

    def _start(self, command):
        process = subprocess.Popen(['bash', '-c', 'exec ' + command], cwd=self.folder,
                                   env=self.environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self._background.append(process)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            if muster_client.is_ready(f'http://127.0.0.1:{self.port}'):
                return ''
            time.sleep(0.05)
        raise AssertionError(f'does not get ready: {command}')

    def close(self):
        for process in self._background:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(20)
