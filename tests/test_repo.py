"Rules of the repository that a notebook cannot test of itself"
import ast, json, re, shlex, subprocess, sys
from functools import cache
from pathlib import Path

import pytest
from execnb.nbio import read_nb
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

root = Path(__file__).parent.parent
cfg = get_config(path=root)
notebooks = sorted(nbglob(cfg.nbs_path, as_path=True))
numbered = [p for p in notebooks if p.name[0].isdigit() and p.parent.name not in ('tutorials', 'studies')]
# in the order in which they are read; the others are tutorials, studies and the start page
modules = sorted(numbered, key=lambda p: p.name)
WIDGET = 'application/vnd.jupyter.widget-{}+json'
MACHINE = re.compile(r'(?<![\w.~-])/(?:root|home|work|Users|tmp/tmp\w+)/')

def each(paths):
    return pytest.mark.parametrize('p', paths, ids=lambda p: str(p.relative_to(cfg.nbs_path)))

@cache
def notebook(p):
    "The notebook at `p`, read once; its cells keep what `parsed_` made of them"
    return read_nb(p)

def code(p):
    return [cell for cell in notebook(p).cells if cell.cell_type=='code']

def outputs(p):
    return [output for cell in code(p) for output in cell.get('outputs', [])]

def default_exp(p):
    "The module that the notebook exports, or nothing"
    found = re.match(r'#\|\s*default_exp\s+(\S+)', notebook(p).cells[0].source)
    return found and found[1]

def own_modules(p):
    "The modules of this library that the notebook imports, in examples too"
    for cell in code(p):
        for tree in cell.parsed_() or []:
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or '').startswith(cfg.lib_name+'.'):
                    yield node.module.removeprefix(cfg.lib_name+'.')

@each(notebooks)
def test_links(p):
    "What a page links to in the repository is there"
    for cell in notebook(p).cells:
        if cell.cell_type=='markdown':
            for link in re.findall(r'\]\(([^)\s#:]+)(?:#[^)]*)?\)', cell.source):
                assert (p.parent/link).exists(), link

@each(modules)
def test_module(p):
    "The first cell names the module; folders and names of notebooks and package are alike"
    name = default_exp(p)
    if name in (None, '__init__'):   # a page of tests or figures; the face of the package
        return
    wing = '' if p.parent==cfg.nbs_path else p.parent.name+'.'
    assert name==wing+re.sub(r'^\d+[a-z]?_', '', p.stem)

def test_numbers():
    "The order in which to read is plain: no number stands twice"
    numbers = [re.match(r'\d+[a-z]?', p.name)[0] for p in modules]
    assert len(numbers)==len(set(numbers)), sorted(n for n in numbers if numbers.count(n) > 1)

@each(notebooks)
def test_title(p):
    "The first text is `# title` and `> one sentence`: the sidebar and the page's head are made of it"
    s = next(c.source for c in notebook(p).cells if c.cell_type=='markdown')
    assert re.match(r'# [^\n]+\n+> [^\n]+\s*(\n- |$)', s)

@each(modules)
def test_imports_point_down(p):
    "A notebook imports only from notebooks before it, so there is no circle"
    before = {default_exp(other) for other in modules[:modules.index(p)]}
    above = set(own_modules(p))-before
    assert not above, f'imports from pages that come later: {sorted(above)}'

@each(modules)
def test_private_names_stay_home(p):
    "A name with an underscore is used by its own module only"
    for cell in code(p):
        for tree in cell.parsed_() or []:
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or '').startswith(cfg.lib_name):
                    assert not [alias.name for alias in node.names if alias.name.startswith('_')], cell.source

@each(modules)
def test_imports_by_name(p):
    "Where a name comes from is said where it is imported: no star but of fastcore.test"
    for cell in code(p):
        assert not re.search(rf'^from {cfg.lib_name}\S* import \*', cell.source, re.M), cell.source

@each(notebooks)
def test_imports_stand_alone(p):
    "The site runs cells that import something, without the cells around them"
    for c in code(p):
        if re.match(r'#\|\s*(export|hide|eval: false)', c.source):
            continue
        kinds = {isinstance(t, (ast.Import, ast.ImportFrom)) for t in c.parsed_() or []}
        assert len(kinds) < 2, f'imports and other code in one cell: {c.source[:80]}'

@each(notebooks)
def test_outputs(p):
    "No page shows an error, and every widget has its state (Jupyter renames widgets: run tools/exec_nbs.py)"
    state = notebook(p).metadata.get('widgets', {}).get(WIDGET.format('state'), {}).get('state', {})
    assert 'Traceback' not in str(state)
    for o in outputs(p):
        assert o.output_type!='error'
        view = o.get('data', {}).get(WIDGET.format('view'))
        assert not view or view['model_id'] in state, 'a widget without its state'

@each(notebooks)
def test_no_machine_paths(p):
    "Neither text, code nor output holds a path of the machine on which it was written"
    words = [c.source for c in notebook(p).cells]
    words += [json.dumps({k: v for k,v in {**o.get('data', {}), 'text': o.get('text', '')}.items()
                          if not k.startswith('image/')}) for o in outputs(p)]
    for w in words:
        assert not (m := MACHINE.search(w)), w[max(m.start()-60, 0):m.end()+60]

# Before heavy libraries are loaded, a command can say what is wrong
LIGHT = ('core pictures data.labels data.layout data.spreadsheets data.sources data.check '
         'garments.collection learning.tasks learning.settings')
@pytest.mark.parametrize('module', LIGHT.split())
def test_imports_no_torch(module):
    heavy = {'torch', 'torchvision', 'sklearn'}
    s = f"import sys, {cfg.lib_name}.{module}; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, '-c', s], cwd=root).returncode==0

def requirements():
    lines = (root/'requirements.txt').read_text().splitlines()
    return [Requirement(o) for o in lines if o and not o.startswith('#')]

def test_requirements_are_pinned():
    "Each line of requirements.txt is one version from PyPI, and not what one machine alone can install"
    for r in requirements():
        assert [s.operator for s in r.specifier]==['=='] and not r.url and '+' not in str(r.specifier), r

def test_requirements_fit_settings():
    "requirements.txt holds what settings.ini asks for: after a change there, `make requirements`"
    pins = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in requirements()}
    for key in ('requirements', 'pip_requirements', 'dev_requirements', 'docs_requirements',
                'serve_requirements'):
        for r in map(Requirement, cfg[key].split()):
            assert r.specifier.contains(pins.get(canonicalize_name(r.name), ''),
                                        prereleases=True) if canonicalize_name(r.name) in pins else False, r

def test_one_version():
    "settings.ini, the change log and the citation speak of one version"
    assert re.search(r'^## (\S+)', (root/'CHANGELOG.md').read_text(), re.M)[1]==cfg.version
    assert re.search(r'^version: (\S+)', (root/'CITATION.cff').read_text(), re.M)[1]==cfg.version

def commands(text):
    "The commands in the shell blocks of the markdown `text`, as lists of words"
    for block in re.findall(r'^```(?:sh|bash|console)\n(.*?)^```', text, re.M|re.S):
        for line in block.replace('\\\n', ' ').splitlines():
            words = shlex.split(line.removeprefix('$ '), comments=True)
            if words:
                yield words

scripts = [o.split('=')[0] for o in shlex.split(cfg.console_scripts)]
targets = re.findall(r'^([a-z-]+):(?!=)', (root/'Makefile').read_text(), re.M)

@pytest.mark.parametrize('words', [w for f in ('README.md', 'CONTRIBUTING.md')
                                   for w in commands((root/f).read_text())], ids=' '.join)
def test_documented_command(words):
    "Commands, flags, targets and files that the texts name are there"
    cmd, args = words[0], words[1:]
    if cmd in scripts:
        # each source has its own flags
        sub = args[:1] if cmd=='prepare-fashion' and args and not args[0].startswith('-') else []
        out = subprocess.run([Path(sys.executable).parent/cmd, *sub, '--help'], capture_output=True,
                             text=True, check=True).stdout
        for flag in (a.split('=')[0] for a in args if a.startswith('--')):
            assert re.search(rf'{flag}(?![\w-])', out), f'{cmd} has no {flag}'
    elif cmd=='make':
        for a in args:
            assert '=' in a or a in targets
    elif cmd in ('python', 'bash') and not args[0].startswith('-'):
        assert (root/args[0]).exists()
    else:
        assert cmd in ('git', 'cd', 'pip', 'python', '.',
                       'jupyter') or (Path(sys.executable).parent/cmd).exists(), f'no such command: {cmd}'

@pytest.mark.parametrize('name', ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'])
def test_local_links(name):
    "Files and pictures to which the texts point are there"
    for u in re.findall(r'(?:\]\(|src=")(?!https?:|#|mailto:)([^)\s"#]+)', (root/name).read_text()):
        assert (root/u).exists(), u

def test_imports_are_declared():
    "What the library imports, anywhere in it, stands in settings.ini among what is needed to run it"
    from importlib.metadata import packages_distributions
    keys = ('requirements', 'pip_requirements', 'serve_requirements', 'ray_requirements')
    declared = {canonicalize_name(Requirement(o).name) for key in keys for o in cfg[key].split()}
    dists = packages_distributions()
    # assets are other libraries' scripts: run on request, never imported
    sources = [p for p in cfg.lib_path.rglob('*.py') if p.parent.name!='assets']
    for p in sources:
        for t in ast.walk(ast.parse(p.read_text(encoding='utf-8'))):
            for m in imported(t):
                own = m in sys.stdlib_module_names or m==cfg.lib_name
                known = {canonicalize_name(d) for d in dists.get(m, [])} & declared
                assert own or known, f'{p.name} imports {m}: add it to settings.ini, then make requirements'

def imported(node):
    "The packages that an import statement names"
    if isinstance(node, ast.Import):
        return [alias.name.split('.')[0] for alias in node.names]
    return [node.module.split('.')[0]] if isinstance(node, ast.ImportFrom) and not node.level else []

def test_exported_once():
    "A public name means one thing: no two modules export it"
    where = {}
    for p in sorted(cfg.lib_path.rglob('[a-z]*.py')):
        names = next((ast.literal_eval(t.value) for t in ast.parse(p.read_text(encoding='utf-8')).body
                      if isinstance(t, ast.Assign) and t.targets[0].id=='__all__'), [])
        for n in names:
            where.setdefault(n, []).append(p.name)
    assert not {n: o for n,o in where.items() if len(o) > 1}
