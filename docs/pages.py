"""Turn a notebook, by nbdev's own processing, into a page that Sphinx and myst-nb read.

`page` runs the processors that `nbdev_docs` runs before Quarto, and rewrites what they make: Quarto's
markdown as MyST's, `show_doc` as a signature and a list of its arguments, directives as cell tags."""
import ast, io, json, os, posixpath, re, runpy, textwrap, tokenize
from functools import cache
from pathlib import PurePosixPath

import nbformat, yaml
from execnb.nbio import nb2str
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html
from nbdev.process import NBProcessor
from nbdev.processors import FilterDefaults, exec_show_docs, rm_export

WIDGETS = 'application/vnd.jupyter.widget-state+json'
_directive = re.compile(r'^[ \t]*#\|[ \t]*([\w-]+)[ \t]*:?[ \t]*(.*?)[ \t]*$', re.MULTILINE)
_callout = re.compile(r'^:::\s*\{\.callout-(\w+)([^}\n]*)\}\s*$', re.MULTILINE)
_picture = re.compile(r'<picture>\s*<source [^>]*srcset="([^"]+)">\s*'
                      r'<img src="([^"]+)" alt="([^"]+)">\s*</picture>')
_source = re.compile(r'^\[source\]\(([^)]*)\)\{[^}]*\}\n', re.MULTILINE)
_signature = re.compile(r'^```python\n(.*?)\n```\n*', re.MULTILINE|re.DOTALL)
_notebook = re.compile(r'\[([^\]]*)\]\((?:\./)?((?:\.\./|[\w-]+/)*)([\w.-]+\.ipynb)(?:#([^)]*))?\)')
_asked = re.compile(r'<!-- asked: (.*?) -->', re.DOTALL)
_number = re.compile(r'<td([^>]*)>(\s*[-+−]?[\d.,:]+(?:e[-+]?\d+)?\s?%?|NaN|nan)(?=</td>)')

# Names and pages

def docname(rel):
    "The page of the notebook `rel`, as Sphinx names it: `tutorials/01_Shoes.ipynb` is `tutorials/shoes`"
    return str(_nbpath2html(PurePosixPath(rel)).with_suffix(''))

@cache
def index(path):
    "What nbdev's index at `path` says of each module, read once in a process"
    return runpy.run_path(str(path))['d']['syms']

def symbols(cfg, name):
    "Symbols of the page `name`, as its notebook writes them, and anchors of any page, each to the full name"
    syms = index(cfg.lib_path/'_modidx.py')
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
    s = _asked.sub(asked, _notebook.sub(notebook, s))
    return _callout.sub(callout, _picture.sub(both, s))

def both(m):
    "A picture that has a narrow one for phones, as two of which the style sheet shows one"
    shown = dict(wide=m[2], narrow=m[1])
    return '\n\n'.join(f'```{{image}} {file}\n:alt: {m[3]}\n:class: {kind}\n```'
                       for kind,file in shown.items())

def asked(m):
    "Words by which the search finds what follows, from a comment `<!-- asked: this; that -->`"
    return '\n\n'.join(f'```{{index}} single: {o.strip()}\n```' for o in m[1].split(';'))

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
    if not node:
        return ''
    text = re.sub(r'\b(?:[a-z_]\w*\.)+(?=[A-Z])', '', ast.unparse(node))
    text = re.sub(r'(?<=\d) / (?=\d)', '/', text)
    return dict([('dict()', '{}'), ('list()', '[]')]).get(text, text)

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

# What a reader of the source sees: comments that nbdev loses, and the fields of a dataclass

# They make a setting of a default and its explanation
HELPED = {'option', 'positive', 'share', 'free', 'one_of'}

def definitions(nb):
    "Name -> code of each function, method and class that the exported cells of `nb` define"
    found = {}
    for c in nb.cells:
        if 'exported' in c.metadata.get('tags', []):
            for node in ast.parse(c.source).body:
                if isinstance(node, ast.FunctionDef|ast.ClassDef):
                    code = ast.get_source_segment(c.source, node)
                    found[patched(node)+node.name] = code
                    if isinstance(node, ast.ClassDef):
                        found |= {f'{node.name}.{o.name}': ast.get_source_segment(c.source, o, padded=True)
                                  for o in node.body if isinstance(o, ast.FunctionDef)}
    return found

def patched(node):
    "The class and a dot, for a function that becomes a method of it"
    decorators = [getattr(o, 'id', '') for o in node.decorator_list]
    first = node.args.args[0].annotation if isinstance(node, ast.FunctionDef) and node.args.args else None
    return f'{ast.unparse(first)}.' if first and {'patch', 'patch_to'} & {*decorators} else ''

def written(code):
    "The signature and rows of `arguments`, of a definition as it is written; nothing if it cannot be told"
    code = textwrap.dedent(code)
    node = ast.parse(code).body[0]
    if isinstance(node, ast.ClassDef):
        fields = [o for o in node.body if isinstance(o, ast.AnnAssign)]
        init = [o for o in node.body if getattr(o, 'name', '')=='__init__']
        if fields and not init:
            return dataclass(code, fields)
        if not init:
            return None
        code = textwrap.dedent(ast.get_source_segment(code, init[0], padded=True))
        node = ast.parse(code).body[0]
    if node.decorator_list and any('delegates' in ast.unparse(o) for o in node.decorator_list):
        return None
    body, lines = node.body[0], code.splitlines()
    last = lines[body.lineno-1].encode()[:body.col_offset].decode()
    sig, rows = arguments('\n'.join([*lines[node.lineno-1:body.lineno-1], last]).rstrip())
    if rows and rows[0][0] in ('self', 'cls'):
        sig, rows = re.sub(r'^\((self|cls)(, )?', '(', sig), rows[1:]
    return (sig.removesuffix(' -> None'), [o for o in rows if o[:2]!=('returns', 'None')])

def dataclass(code, fields):
    "As `written`, of a class whose fields are its arguments"
    said, lines, rows = comments(code), code.splitlines(), []
    for o in fields:
        default, meaning = o.value, ''
        call = isinstance(default, ast.Call) and ast.unparse(default.func)
        if call in HELPED:
            meaning = ' '.join(ast.literal_eval(default.args[1]).split())
            default = default.args[0].elts[0] if call=='one_of' else default.args[0]
        elif call=='field':
            made = {k.arg: k.value for k in default.keywords}
            default = made.get('default') or ast.Call(made['default_factory'], [], [])
        for line in range(o.lineno, len(lines)+1):  # what goes on in lines of comment alone goes on here
            if line > o.end_lineno and not lines[line-1].strip().startswith('#'):
                break
            meaning += ' '+said[line] if line in said else ''
        rows.append((o.target.id, short(o.annotation), short(default), meaning.strip()))
    words = [n + (f'={d}' if d else '') for n,_,d,_ in rows]
    return f"({', '.join(words)})", rows

def described(rows):
    "A definition list of the arguments, if anything is said of them"
    if not any(r[3] for r in rows):
        return ''
    def term(n, t, d):
        kind = f' `{t.replace(" | ", " or ")}`{{.type}}' if t else ''
        return f'`{n}`{kind}' + (f' `= {d}`{{.type}}' if d else '')
    return '::::{container} arguments\n' + '\n'.join(f'{term(*r[:3])}\n: {r[3] or "—"}\n'
                                                     for r in rows) + '\n::::'

def showdoc(md, names, defined=()):
    "What `show_doc` made, as a heading with nbdev's anchor and Sphinx's signature and arguments"
    src = _source.search(md)
    md = _source.sub('', md).strip().removeprefix('---').strip()
    m = re.match(r'(#+) (.+)', md)
    if not m:
        return md
    name, body = m[2].replace('\\', '').strip(), md[m.end():].strip()
    code, text = _signature.match(body), _signature.sub('', body, count=1).strip()
    text = re.sub(r'^\*(.+)\*$', r'\1', text, count=1, flags=re.MULTILINE)
    found = name in defined and written(defined[name])
    try:
        sig, rows = found or arguments(code[1])
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
    if 'chart' in d:
        cell.metadata['tags'] = ['chart']
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

def plain(md):
    "The markdown `md` as words"
    md = re.sub(r'{[\w:]+}`([^`<]+?)(?: <[^`]*>)?`', r'\1', md)
    return ' '.join(re.sub(r'!?\[([^\]]*)\]\([^)]*\)|[`*_$]', r'\1', md).split())

def alternative(heading, paragraph):
    "What is said of a picture to who does not see it: where it stands, and the sentence above it"
    sentences = re.split(r'(?<=[.:?!]) ', plain(paragraph))
    said = textwrap.shorten(sentences[-1].rstrip(':'), 240, placeholder=' …')
    return f'{plain(heading)}: {said}' if said else plain(heading)

def describe_pictures(cells):
    "Give each picture that a cell of `cells` shows its alternative text"
    heading, paragraph = '', ''
    for c in cells:
        if c.cell_type=='markdown':
            for block in re.split(r'\n\s*\n', c.source):
                if m := re.match(r'#+ (.*)', block):
                    heading, paragraph = m[1], ''
                elif re.match(r'[\w`*\[({]', block) and not block.startswith('{.') and ':::' not in block:
                    paragraph = block
        elif any(k.startswith('image/') for o in c.get('outputs', []) for k in o.get('data', {})):
            c.metadata['mystnb'] = dict(image=dict(alt=alternative(heading, paragraph)))

def chart(cells):
    "The picture of the cell that is marked with `#| chart`, to stand at the head of the page"
    for c in cells:
        if 'chart' in c.metadata.get('tags', []):
            tags = ['remove-input', *c.metadata.tags]
            # Sphinx passes over a cell without source
            return [nbformat.v4.new_code_cell('chart', outputs=c.outputs, id='chart',
                                              metadata=c.metadata | dict(tags=tags))]
    return []

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
    defined = definitions(nb)
    for c in ordered(nb):
        if c.cell_type=='markdown':
            c = text(c.source, c.id)
        elif c.source.startswith('show_doc(') and (md := [o.data['text/markdown'] for o in c.outputs
                                                          if 'text/markdown' in o.get('data', {})]):
            c = text(showdoc(''.join(md[0]), names, defined), c.id)
        cells.append(c)
    describe_pictures(cells)
    cells[1:1] = chart(cells)
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
