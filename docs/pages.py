"""Turn a notebook, by nbdev's own processing, into a page that Sphinx and myst-nb read.

`page` runs the processors that `nbdev_docs` runs before Quarto, and rewrites what they make: Quarto's
markdown as MyST's, `show_doc` as a signature and a list of its arguments, directives as cell tags."""
import ast, io, json, os, posixpath, re, runpy, tokenize
from pathlib import PurePosixPath

import nbformat, yaml
from execnb.nbio import nb2str
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html
from nbdev.process import NBProcessor
from nbdev.processors import FilterDefaults, exec_show_docs, rm_export

WIDGETS = 'application/vnd.jupyter.widget-state+json'
_directive = re.compile(r'^\s*#\|\s*([\w-]+)\s*:?\s*(.*?)\s*$', re.MULTILINE)
_callout = re.compile(r'^:::\s*\{\.callout-(\w+)([^}\n]*)\}\s*$', re.MULTILINE)
_source = re.compile(r'^\[source\]\(([^)]*)\)\{[^}]*\}\n', re.MULTILINE)
_signature = re.compile(r'^```python\n(.*?)\n```\n*', re.MULTILINE|re.DOTALL)
_notebook = re.compile(r'\[([^\]]*)\]\((?:\./)?((?:\.\./|[\w-]+/)*)([\w.-]+\.ipynb)(?:#([^)]*))?\)')
_number = re.compile(r'<td([^>]*)>(\s*[-+−]?[\d.,:]+(?:e[-+]?\d+)?\s?%?|NaN|nan)(?=</td>)')

# Names and pages

def docname(rel):
    "The page of the notebook `rel`, as Sphinx names it: `tutorials/01_Shoes.ipynb` is `tutorials/shoes`"
    return str(_nbpath2html(PurePosixPath(rel)).with_suffix(''))

def symbols(cfg, name):
    "Symbols of the page `name`, as its notebook writes them, and anchors of any page, each to the full name"
    syms = runpy.run_path(str(cfg.lib_path/'_modidx.py'))['d']['syms']
    anchors = {place: full for d in syms.values() for full,(place,_) in d.items()}
    names = {full.removeprefix(mod+'.'): full for mod,d in syms.items() for full,
             (place,_) in d.items() if place.startswith(f'{name}.html#')}
    return names, anchors

# From nbdev's markdown to MyST's

def prose(s, name, cfg, anchors):
    "Quarto markdown, on the page `name`, as MyST markdown"
    base = re.escape(f'{cfg.doc_host}{cfg.doc_baseurl}'.rstrip('/')+'/')
    def ref(text, full): return f"{{py:obj}}`{text.strip('`')} <{full}>`"
    def notebook(m):
        text, folder, file, anchor = m[1], m[2], docname(m[3]), m[4]
        page = posixpath.normpath(posixpath.join(posixpath.dirname(name), folder+file))
        if anchor and (full := anchors.get(f'{page}.html#{anchor.lower()}')):
            return ref(text, full)
        return f"[{text}]({folder}{file}.ipynb{f'#{anchor}' if anchor else ''})"
    s = re.sub(r'\[`([^`]+)`\]\('+base+r'([^)]+)\)',
               lambda m: ref(m[1], anchors[m[2]]) if m[2] in anchors else m[0], s)
    s = _notebook.sub(notebook, s)
    return _callout.sub(callout, s)

def callout(m):
    "The first line of a Quarto callout as that of an admonition"
    title = re.search(r'title="([^"]*)"', m[2])
    return f':::{{admonition}} {title[1]}\n:class: {m[1]}' if title else f':::{{{m[1]}}}'

def comments(code):
    "Each line of `code` that has a comment, to the comment"
    return {t.start[0]: t.string.lstrip('# ') for t in tokenize.generate_tokens(io.StringIO(code).readline)
            if t.type==tokenize.COMMENT}

def short(node):
    "A type or default as a reader would write it"
    if isinstance(node, ast.Name) and node.id=='NoneType':
        return ''
    return re.sub(r'\b(pathlib|collections\.abc|typing|numpy|PIL\.Image|torch)\.(?=[A-Z])', '',
                  ast.unparse(node)) if node else ''

def arguments(code):
    "The signature `code` in short, and a `(name, type, default, meaning)` for each argument and the result"
    fn, said = ast.parse(code+'\n    pass').body[0], comments(code)
    a = fn.args
    args = [*a.posonlyargs, *a.args, *filter(None, [a.vararg]), *a.kwonlyargs, *filter(None, [a.kwarg])]
    positional = [o.arg for o in [*a.posonlyargs, *a.args]]
    given = dict(zip(positional[::-1], a.defaults[::-1]))
    given |= {o.arg: d for o,d in zip(a.kwonlyargs, a.kw_defaults) if d}
    stars = {a.vararg: '*', a.kwarg: '**'}
    names = [stars.get(o, '')+o.arg for o in args]
    meaning = dict.fromkeys(names, '')
    last = code.count('\n')+1
    for line,s in said.items():
        if line==last and last > 1:
            continue
        o = max((o for o in zip(args, names) if o[0].lineno <= line),
                key=lambda o: (o[0].lineno, o[0].col_offset), default=None)
        if o:
            meaning[o[1]] += ' '+s
    rows = [(n, short(o.annotation), short(given.get(o.arg)), meaning[n].strip()) for o,n in zip(args, names)]
    if a.kwonlyargs and not a.vararg:
        names.insert(len(a.posonlyargs)+len(a.args), '*')
    words = [n + (f'={short(given[n])}' if n in given else '') for n in names]
    if fn.returns or last in said and last > 1:
        rows.append(('returns', short(fn.returns), '', said.get(last, '') if last > 1 else ''))
    return f"({', '.join(words)})" + (f' -> {short(fn.returns)}' if fn.returns else ''), rows

def described(rows):
    "A definition list of the arguments, if anything is said of them"
    if not any(r[3] for r in rows):
        return ''
    def term(n, t, d): return f'`{n}`' + (f' `{t}`{{.type}}' if t else '') + (f' `= {d}`{{.type}}' if d
                                                                              else '')
    return '::::{container} arguments\n' + '\n'.join(f'{term(*r[:3])}\n: {r[3] or "—"}\n'
                                                     for r in rows) + '\n::::'

def showdoc(md, names):
    "What `show_doc` made, as a heading with nbdev's anchor and Sphinx's signature and arguments"
    src = _source.search(md)
    md = _source.sub('', md).strip().removeprefix('---').strip()
    m = re.match(r'(#+) (.+)', md)
    if not m:
        return md
    name, body = m[2].replace('\\', '').strip(), md[m.end():].strip()
    code, text = _signature.match(body), _signature.sub('', body, count=1).strip()
    text = re.sub(r'^\*([^*\n]+)\*', r'\1', text)
    try:
        sig, rows = arguments(code[1])
    except (SyntaxError, TypeError, tokenize.TokenError):
        sig, rows, text = '', [], body
    kind = 'method' if '.' in name else 'class' if name[0].isupper() else 'function'
    module = f":module: {names[name].removesuffix('.'+name)}" if name in names else ':no-index:'
    # else the heading's own, from Sphinx, is the same
    anchor = [] if name.isalnum() else [f'<a id="{name.lower()}"></a>']
    return '\n\n'.join([*anchor, f'{m[1]} `{name}`',
                        *([f'[source]({src[1]}){{.nbdev-source}}'] if src else []),
                        f'::::::{{py:{kind}}} {name}{sig}\n{module}\n\n{text}\n\n{described(rows)}\n::::::'])

# A notebook

class show_docs(exec_show_docs):
    "nbdev's, but of the cells that are not exported only those that import and do nothing else are run"
    def __call__(self, cell):
        own = cell.cell_type=='code' and cell.source and (cell.directives_.keys() & {'export', 'exports',
                                                                                     'exporti', 'exec_doc'}
                                                          or 'show_doc(' in cell.source)
        if own or cell.cell_type=='code' and all(isinstance(t, (ast.Import, ast.ImportFrom))
                                                 for t in cell.parsed_() or [None]):
            super().__call__(cell)

def fold_export(cell):
    "Leave exported code on the page, to be folded under what it documents; imports, and what nbdev hides, go"
    d = (cell.directives_ or {}).keys()
    imports = cell.cell_type=='code' and all(isinstance(t, (ast.Import, ast.ImportFrom))
                                             for t in cell.parsed_() or [])
    if d & {'hide', 'default_exp'} or d & {'export', 'exporti'} and imports:
        del cell['source']
    elif d & {'export', 'exporti'}:
        cell.metadata['tags'] = ['exported', 'hide-input']

def frontmatter(nb):
    "Metadata that nbdev put in the first cell"
    c = nb.cells[0]
    return yaml.safe_load(c.source.strip().strip('-')) or {} if c.cell_type=='raw' else {}

def tag(c):
    "Put tags for Sphinx in place of nbdev's and Quarto's directives in the code cell `c`"
    d, t = dict(_directive.findall(c.source)), c.metadata.setdefault('tags', [])
    c.source, c.execution_count = _directive.sub('', c.source).strip('\n'), None
    t += [tag for key,tag in (('include', 'remove-cell'), ('echo', 'remove-input'),
                              ('output', 'remove-output')) if d.get(key)=='false']
    if 'code-fold' in d:
        t.append('hide-input')
    for o in c.outputs:
        if 'text/html' in o.get('data', {}):
            o.data['text/html'] = _number.sub(r'<td\1 data-number>\2', ''.join(o.data['text/html']))

def defined(doc, code):
    "Where in the cell `code` the symbol is defined that the `show_doc` cell `doc` shows"
    name = re.match(r'show_doc\(([\w.]+)', doc.source)[1].split('.')[-1]
    m = re.search(rf'^\s*(?:class|(?:async )?def)\s+{name}\b', code.source, re.MULTILINE)
    return m.start() if m else len(code.source)

def ordered(nb):
    "The cells of `nb` but nbdev's own, each once; exported code after what it documents, in its order"
    code, docs, seen = None, [], set()
    for c in [*nb.cells, None]:
        is_doc = c and c.cell_type=='code' and c.source.startswith('show_doc(') and c.outputs
        if is_doc and c.source in seen:
            continue  # nbdev adds one for a patched method that already has one
        if is_doc:
            seen.add(c.source)
        if is_doc and code:
            docs.append(c)
            continue
        if code:
            yield from sorted(docs, key=lambda o: defined(o, code))
            yield code
            code, docs = None, []
        if not c or c.cell_type=='raw' or 'WARNING: THIS FILE WAS AUTOGENERATED' in c.source:
            continue
        if 'exported' in c.metadata.get('tags', []):
            code = c
        else:
            yield c

def adapt(nb, name, cfg):
    "The notebook `nb` as nbdev's processors left it, for myst-nb: the page `name`"
    (names, anchors), fm = symbols(cfg, name), frontmatter(nb)
    def text(s, id): return nbformat.v4.new_markdown_cell(prose(s, name, cfg, anchors), id=id)
    head = f"# {fm.get('title') or cfg.title}" + (f"\n\n{{.lead}}\n{fm['description']}"
                                                  if fm.get('description') else '')
    cells = [text(head, 'title')]
    for c in nb.cells:
        if c.cell_type=='code':
            tag(c)
    for c in ordered(nb):
        if c.cell_type=='markdown':
            c = text(c.source, c.id)
        elif c.source.startswith('show_doc(') and (md := [o.data['text/markdown'] for o in c.outputs
                                                          if 'text/markdown' in o.get('data', {})]):
            c = text(showdoc(''.join(md[0]), names), c.id)
        cells.append(c)
    shown = 'widget-view' in json.dumps([c.get('outputs', []) for c in cells])
    if not (shown and nb.metadata.get('widgets', {}).get(WIDGETS, {}).get('state')):
        nb.metadata.pop('widgets', None)
    nb.metadata.language_info = dict(name='python', pygments_lexer='python3')
    nb.cells = cells
    return nb

def page(path, name, dest):
    "Write to `dest` what Sphinx reads for the notebook at `path`; what went wrong, or nothing"
    os.environ['IN_TEST'] = '1'
    cfg, own = get_config(), {exec_show_docs: show_docs, rm_export: fold_export}
    p = NBProcessor(path, procs=[own.get(o, o) for o in FilterDefaults().procs()])
    try:
        p.process()
    except Exception as e:
        return f'{path.name}: {e.__cause__ or type(e).__name__}\n{e}'
    new = nbformat.writes(adapt(nbformat.reads(nb2str(p.nb), 4), name, cfg), 4)
    dest.parent.mkdir(parents=True, exist_ok=True)
    if not dest.exists() or dest.read_text(encoding='utf-8')!=new:
        dest.write_text(new, encoding='utf-8')  # Sphinx leaves unchanged pages as they are
    else:
        dest.touch()
