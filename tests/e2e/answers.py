"""Every answer that the tests see, against what the OpenAPI document lists for its route.

tools/muster_client.py writes `METHOD PATH STATUS` of each answer into the file that MUSTER_ANSWERS
names; run.py does so for each run, and holds it against server/openapi.json at its end.
"""
import json
import os
import re

from support import ROOT

# What any route may answer: it is listed once, as "default".
OF_ANY_ROUTE = {400, 401, 403, 405, 406, 408, 411, 413, 414, 415, 417, 429, 431, 500, 501, 503,
                505, 507}


def document():
    with open(os.path.join(ROOT, 'server', 'openapi.json'), encoding='utf-8') as stream:
        return json.load(stream)


def read(path):
    """The answers of a file, each once."""
    with open(path, encoding='utf-8') as stream:
        lines = {tuple(line.split()) for line in stream}
    return {(line[0], line[1], int(line[2])) for line in lines if len(line) == 3}


def routes_of(paths):
    """A pattern for each path, those without a place first."""
    routes = []
    for path in sorted(paths, key=lambda path: path.count('{')):
        pattern = re.sub(r'\\\{[^}]*\\\}', '[^/]+', re.escape(path))
        routes.append((re.compile(pattern + '$'), path))
    return routes


def unlisted(seen, described=None):
    """What was answered and is not listed: 'PUT /v1/destinations/{id} 409', sorted."""
    paths = (described or document())['paths']
    routes = routes_of(paths)
    found = set()
    for method, asked, status in seen:
        path = next((path for pattern, path in routes if pattern.match(asked)), None)
        if path is None or method.lower() not in paths[path]:
            continue  # No such route: that is what the answer says.
        listed = paths[path][method.lower()]['responses']
        if str(status) not in listed and status not in OF_ANY_ROUTE:
            found.add(f'{method} {path} {status}')
    return sorted(found)
