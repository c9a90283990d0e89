"""Write requirements.txt: what settings.ini asks for (to run, to develop and to build the site) and what that
needs in turn, each at one version. Nothing is installed and nothing but pip is used, so an empty environment
will do.

Versions already in requirements.txt stay unless they no longer fit; with `--upgrade` each is the newest that
fits.
A package that is needed on some systems only (torch's CUDA libraries: Linux) gets a marker that says so."""
import argparse, json, re, subprocess, sys, tempfile
from configparser import ConfigParser
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement

root = Path(__file__).resolve().parent.parent
GROUPS = ('requirements', 'pip_requirements', 'dev_requirements', 'docs_requirements', 'serve_requirements',
          'ray_requirements')
SYSTEMS = {'Linux': dict(platform_system='Linux', sys_platform='linux', os_name='posix',
                         platform_machine='x86_64'),
           'Darwin': dict(platform_system='Darwin', sys_platform='darwin', os_name='posix',
                          platform_machine='arm64'),
           'Windows': dict(platform_system='Windows', sys_platform='win32', os_name='nt',
                           platform_machine='AMD64')}
HEAD = """# All that fashion_nbdev needs to run, to be tested and to build its web site: \
`pip install -r requirements.txt`
# Made from settings.ini by `make requirements` (Python {python}); do not edit by hand.
"""

def settings():
    "The project's settings"
    c = ConfigParser(delimiters=['='])
    c.read(root/'settings.ini', encoding='utf-8')
    return c['DEFAULT']

def key(name): return re.sub(r'[-_.]+', '-', name).lower()

def resolve(wanted, constraints=None):
    "What pip would install for `wanted` in an empty environment: name to metadata"
    with tempfile.TemporaryDirectory() as d:
        report = Path(d)/'report.json'
        r = subprocess.run([sys.executable, '-m', 'pip', 'install', '--dry-run', '--ignore-installed',
                            '--quiet', '--disable-pip-version-check',
                            '--report', str(report),
                            *(['--constraint', str(constraints)] if constraints else []), *wanted], text=True,
                           stderr=subprocess.PIPE)
        if r.returncode:
            sys.exit(r.stderr)
        return {key(o['metadata']['name']): o['metadata'] for o in json.loads(report.read_text())['install']}

def needed(wanted, found, system):
    "The names among `found` that `wanted` leads to on `system`"
    todo, seen = [Requirement(o) for o in wanted], set()
    while todo:
        req = todo.pop()
        for extra in {'', *req.extras} - {e for n,e in seen if n==key(req.name)}:
            seen.add((key(req.name), extra))
            deps = [Requirement(o) for o in found.get(key(req.name), {}).get('requires_dist', [])]
            todo += [o for o in deps if not o.marker
                     or o.marker.evaluate({**SYSTEMS[system], 'extra': extra})]
    return {n for n,_ in seen}

def marker(name, on):
    "The marker for `name`, given for each system the names that are needed `on` it"
    systems = [s for s in SYSTEMS if name in on[s]]
    if len(systems)==len(SYSTEMS):
        return ''
    return ' ; ' + ' or '.join(f'platform_system == "{s}"' for s in systems)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--upgrade', action='store_true', help='renew every version')
    args, cfg, out = p.parse_args(), settings(), root/'requirements.txt'
    python = '.'.join(map(str, sys.version_info[:2]))
    if python != cfg['min_python']:
        oldest = cfg['min_python']
        sys.exit(f'requirements.txt is made with Python {oldest}, the oldest supported; this is {python}')
    wanted = ' '.join(cfg[o] for o in GROUPS).split()
    found = resolve(wanted, out if out.exists() and not args.upgrade else None)
    on = {s: needed(wanted, found, s) for s in SYSTEMS}
    pins = [f"{found[n]['name']}=={found[n]['version']}{marker(n, on)}" for n in sorted(found)]
    if local := [o for o in pins if '+' in o]:
        sys.exit(f'these versions are not on PyPI: {local}')
    out.write_text(HEAD.format(python=python) + '\n'.join(pins) + '\n')
    print(f'requirements.txt: {len(pins)} packages')

if __name__=='__main__':
    main()
