"""How densely the exported cells of notebooks are packed, page by page: `python tools/style.py [PAGE ...]`.

`tests/test_style.py` compares these measures with the limits in `tests/style.json`, which only get tighter:
`python tools/style.py --tighten` writes today's values there wherever they are better. All pages together
hold theirs to the digit; one page may grow within the goals in what is counted by lines.

nodes      AST nodes a line of a function's body
median     lines of an exported cell with a definition, the median
ninety     the same, the length that 90 % do not exceed
wide       exported lines over 110 characters, percent
several    exported cells with more than one definition, percent
nested     comprehensions in comprehensions, in 1,000 exported lines
pairs      `a, b = x, y` among the assignments, percent
hidden     public names that no cell below uses before the next export, percent
run        longest stretch of exported lines without another code cell between
module     lines of the module that the page exports
unexplained  parameters of public callables without a comment, percent
unsaid     public callables that raise something and do not say so, percent
"""
import argparse
import ast
import io
import json
import re
import statistics
import tokenize
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIMITS = ROOT/'tests'/'style.json'
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
GOALS = dict(nodes=15, median=10, ninety=25, wide=0, several=5, nested=2, pairs=0,
             hidden=20, run=60, unexplained=5, unsaid=10)
ROOM = dict(nodes=17, median=12, ninety=25, run=60)  # of one page
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Cell:
    "A code cell: its source, whether it is exported, and what it defines"
    def __init__(self, source):
        self.source = source
        self.exported = bool(re.search(r'^#\s*\|\s*exporti?s?\b', source, re.M))
        self.lines = [line for line in source.split('\n') if line.strip()
                      and not line.lstrip().startswith('#|')]
        try:
            self.tree = ast.parse(re.sub(r'^[%!].*$', '', source, flags=re.M))
        except SyntaxError:
            self.tree = ast.parse('')
        self.definitions = [node for node in self.tree.body if isinstance(node, DEFINITIONS)]


@cache
def read_cells(page):
    "The code cells of the notebook at `page` that hold something, read once"
    cells = json.loads(page.read_text(encoding='utf-8'))['cells']
    sources = [''.join(cell['source']) for cell in cells if cell['cell_type']=='code']
    return [Cell(source) for source in sources if source.strip()]


def function_bodies(cell):
    "AST nodes and lines of the body of every function in `cell`, without its docstring"
    lines = cell.source.split('\n')
    for function in ast.walk(cell.tree):
        if not isinstance(function, FUNCTIONS):
            continue
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        if not body:
            continue
        own = lines[body[0].lineno-1:function.end_lineno]
        code = [line for line in own if line.strip() and not line.strip().startswith('#')]
        nodes = sum(1 for statement in body for _ in ast.walk(statement))
        yield nodes, len(code)


def count_nested(tree):
    "Comprehensions with a second `for`, or with another comprehension inside"
    found = [node for node in ast.walk(tree) if isinstance(node, COMPREHENSIONS)]
    return sum(len(node.generators) > 1 or any(isinstance(o, COMPREHENSIONS) for o in ast.walk(node)
                                               if o is not node)
               for node in found)


def count_assignments(tree):
    "Assignments, and those of the form `a, b = x, y`"
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    pairs = [node for node in found if isinstance(node.targets[0], ast.Tuple)
             and isinstance(node.value, ast.Tuple)]
    return len(found), len(pairs)


def public_callables(tree):
    "Every public function, and every public method of a public class, at the top of `tree`"
    for node in tree.body:
        if node.__class__ not in DEFINITIONS or node.name.startswith('_'):
            continue
        if isinstance(node, FUNCTIONS):
            yield node
            continue
        for method in node.body:
            if isinstance(method, FUNCTIONS) and (method.name in ('__init__', '__call__')
                                                  or not method.name.startswith('_')):
                yield method


def comments_by_line(source):
    "Line number -> comment"
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string for token in tokens if token.type==tokenize.COMMENT}


def count_parameters(function, comments):
    "Parameters of `function` but `self`, and those that a comment on their line explains"
    spec = function.args
    every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
    named = [arg for arg in every if arg.arg not in ('self', 'cls')]
    return len(named), sum(arg.lineno in comments for arg in named)


def raises_unsaid(function, source):
    "Whether `function` raises anything itself; whether neither its docstring nor its comments name all of it"
    raised = set()
    for node in ast.walk(function):
        if not (isinstance(node, ast.Raise) and node.exc):
            continue
        target = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = ast.unparse(target).split('.')[-1]
        if name[:1].isupper():
            raised.add(name)
    text = ast.get_docstring(function) or ''
    first, last = function.lineno, function.body[0].lineno
    signature = '\n'.join(source.split('\n')[first-1:last])
    return bool(raised), any(name not in text and name not in signature for name in raised)


def percent(part, whole):
    return round(100*part/max(whole, 1), 1)


def measure(cells):
    "The measures of a page, but `module`; None where it exports no definition"
    lengths, lines, wide, several, nested, body_nodes, body_lines = [], 0, 0, 0, 0, 0, 0
    assigned, pairs, public, shown, run, longest = 0, 0, 0, 0, 0, 0
    parameters, explained, raising, unsaid = 0, 0, 0, 0
    for i, cell in enumerate(cells):
        if not cell.exported:
            run = 0
            continue
        if not cell.definitions:
            continue
        run += len(cell.lines)
        longest = max(longest, run)
        lengths.append(len(cell.lines))
        lines += len(cell.lines)
        wide += sum(len(line) > 110 for line in cell.lines)
        several += len(cell.definitions) > 1
        nested += count_nested(cell.tree)
        for nodes, length in function_bodies(cell):
            body_nodes += nodes
            body_lines += length
        total, double = count_assignments(cell.tree)
        assigned += total
        pairs += double
        below = []
        for other in cells[i+1:]:
            if other.exported:
                break
            below.append(other.source)
        for definition in cell.definitions:
            if not definition.name.startswith('_'):
                public += 1
                shown += bool(re.search(rf'\b{re.escape(definition.name)}\b', '\n'.join(below)))
        comments = comments_by_line(cell.source)
        for function in public_callables(cell.tree):
            named, with_comment = count_parameters(function, comments)
            parameters += named
            explained += with_comment
            does, silent = raises_unsaid(function, cell.source)
            raising += does
            unsaid += silent
    if not lengths:
        return None
    lengths.sort()
    return dict(nodes=round(body_nodes/max(body_lines, 1), 1), median=statistics.median(lengths),
                ninety=lengths[min(int(len(lengths)*.9), len(lengths)-1)], wide=percent(wide, lines),
                several=percent(several, len(lengths)), nested=round(1000*nested/max(lines, 1), 1),
                pairs=percent(pairs, assigned), hidden=percent(public-shown, public), run=longest,
                unexplained=percent(parameters-explained, parameters), unsaid=percent(unsaid, raising))


def module_lines(page):
    "Lines of the module that the notebook at `page` exports"
    first = read_cells(page)[0].source
    name = re.search(r'default_exp\s+(\S+)', first)
    path = ROOT/'fashion_nbdev'/(name[1].replace('.', '/')+'.py') if name else None
    return len(path.read_text(encoding='utf-8').splitlines()) if path and path.exists() else 0


def pages():
    found = sorted((ROOT/'nbs').rglob('*.ipynb'))
    return [page for page in found if '.ipynb_checkpoints' not in page.parts]


@cache
def measure_page(page):
    "All measures of the notebook at `page`; None where it exports no definition"
    measures = measure(read_cells(page))
    return measures and measures | dict(module=module_lines(page))


def defines(page):
    "Whether the notebook at `page` exports a definition, so that there is something to measure"
    return any(cell.exported and cell.definitions for cell in read_cells(page))


def page_name(page):
    "The notebook's path below nbs/, without the number: renumbering loosens nothing"
    relative = page.relative_to(ROOT/'nbs')
    return str(relative.with_name(re.sub(r'^\d+[a-z]?_', '', relative.stem)))


def measure_all(some):
    "The measures of the pages `some` together"
    everything = []
    for page in some:
        if measure_page(page):
            everything += [Cell('"the end of a page"'), *read_cells(page)]
    return measure(everything)


def limits_of(name):
    "What the page `name`, or all, may reach"
    known = json.loads(LIMITS.read_text()).get(name, GOALS) if LIMITS.exists() else GOALS
    room = dict(median=GOALS['median']) if name == 'all' else ROOM
    return known | {key: max(known[key], value) for key, value in room.items()}


def tightened(name, found):
    "Today's measures, where they are better than the limits"
    old = json.loads(LIMITS.read_text()).get(name, found) if LIMITS.exists() else found
    return {key: min(value, old.get(key, value)) for key, value in found.items() if key in GOALS}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pages', nargs='*', type=Path, help='Notebooks; all without any')
    parser.add_argument('--tighten', action='store_true', help='Write better values to tests/style.json')
    args = parser.parse_args()
    some = [page.resolve() for page in args.pages] or pages()
    found = {page_name(page): measure_page(page) for page in some}
    found['all'] = measure_all(some)
    for name, values in found.items():
        if values:
            print(f'{name:32}', '  '.join(f'{key} {value:g}' for key, value in values.items()))
    if args.tighten:
        new = {name: tightened(name, values) for name, values in sorted(found.items()) if values}
        text = ',\n'.join(f'{json.dumps(name)}: {json.dumps(values)}' for name, values in new.items())
        LIMITS.write_text('{\n'+text+'\n}\n')


if __name__ == '__main__':
    main()
