// Proposals are shown, decided on, and saved as a file. All text goes in as text, never as markup.
'use strict'
const read = id => JSON.parse(document.getElementById(id).textContent)
const at = id => document.getElementById(id)
const content = read('content'), pictures = read('pictures'), titles = new Map(read('titles'))
const all = content.proposals
const PER_PAGE = 50
const memory = at('list').dataset.memory
let kind = '', page = 0, saved = true

function make(tag, name, text) {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  return node
}

// What was decided before, in this browser

function remember() {
  try {
    localStorage.setItem(memory, JSON.stringify(all.map(row => row.decision)))
  } catch { }
}

function recall() {
  try {
    const before = JSON.parse(localStorage.getItem(memory)) || []
    before.forEach((decision, i) => { all[i].decision = decision })
  } catch { }
}

// One proposal

function photo(path) {
  const image = make('img')
  image.src = pictures[path]
  image.alt = path
  image.title = path
  return image
}

function change(row) {
  const line = make('p', 'change')
  if (!row.column) return line
  line.append(`${row.column}: `)
  line.append(row.was ? make('del', '', row.was) : make('span', 'soft', 'blank'), ' → ')
  line.append(row.now ? make('ins', '', row.now) : make('span', 'soft', 'nothing'))
  if (row.probability !== null) line.append(make('span', 'soft', ` ${row.probability.toFixed(2)}`))
  return line
}

function button(card, row, text, name, decision, key) {
  const made = make('button', name, text)
  made.title = `${text} (${key})`
  made.onclick = () => decide(card, row, row.decision === decision ? '' : decision)
  return made
}

function mark(card, row) {
  card.classList.toggle('accept', row.decision === 'accept')
  card.classList.toggle('reject', row.decision === 'reject')
  card.querySelector('.yes').setAttribute('aria-pressed', row.decision === 'accept')
  card.querySelector('.no').setAttribute('aria-pressed', row.decision === 'reject')
}

function cardFor(row) {
  const card = make('article')
  card.tabIndex = 0
  card.row = row
  const photos = make('div', 'photos')
  for (const path of [row.path, row.other_path]) if (path in pictures) photos.append(photo(path))
  const said = make('div', 'said')
  said.append(make('p', 'where', `line ${row.line} · ${row.path}`), change(row))
  said.append(make('p', '', [titles.get(row.kind), row.why].filter(Boolean).join(': ')))
  const buttons = make('div', 'buttons')
  buttons.append(button(card, row, 'Accept', 'yes', 'accept', 'A'), button(card, row, 'Reject', 'no', 'reject', 'R'))
  card.append(photos, said, buttons)
  mark(card, row)
  return card
}

// The list

const shown = () => all.filter(row => (!kind || row.kind === kind) && !(at('open').checked && row.decision))

function count() {
  const decided = all.filter(row => row.decision).length
  at('count').textContent = `${decided} of ${all.length} decided`
}

function show() {
  const rows = shown()
  const last = Math.max(Math.ceil(rows.length/PER_PAGE)-1, 0)
  page = Math.min(Math.max(page, 0), last)
  const some = rows.slice(page*PER_PAGE, (page+1)*PER_PAGE)
  at('list').replaceChildren(...some.map(cardFor))
  if (!some.length) at('list').append(make('p', 'none', 'Nothing is left here.'))
  at('before').disabled = page === 0
  at('after').disabled = page === last
  at('place').textContent = some.length ? `${page*PER_PAGE+1} to ${page*PER_PAGE+some.length} of ${rows.length}` : ''
  for (const choice of at('kinds').children) choice.setAttribute('aria-pressed', choice.kind === kind)
  count()
}

function turn(step) {
  page += step
  show()
  scrollTo(0, 0)
}

function addChoice(name, title, n) {
  const choice = make('button', '', `${title} (${n})`)
  choice.kind = name
  choice.onclick = () => { kind = name; page = 0; show() }
  at('kinds').append(choice)
}

const SHORT = { fill: 'blanks', label: 'labels', contradiction: 'contradictions', twin: 'same picture', items: 'two items' }

function addChoices() {
  addChoice('', 'all', all.length)
  for (const name of titles.keys()) {
    const n = all.filter(row => row.kind === name).length
    if (n) addChoice(name, SHORT[name] || name, n)
  }
}

// Deciding

function decide(card, row, decision) {
  row.decision = decision
  saved = false
  mark(card, row)
  count()
  remember()
}

function save() {
  const text = JSON.stringify(content, null, 1)
  const link = make('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  link.download = 'decisions.json'
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  saved = true
}

function step(by) {
  const cards = [...document.querySelectorAll('article')]
  const now = cards.indexOf(document.activeElement?.closest('article'))
  const next = cards[Math.min(Math.max(now+by, 0), cards.length-1)]
  next?.focus()
}

const KEYS = {
  a: card => { decide(card, card.row, 'accept'); step(1) },
  r: card => { decide(card, card.row, 'reject'); step(1) },
  u: card => decide(card, card.row, '')
}

document.onkeydown = event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const key = event.key.toLowerCase()
  const card = document.activeElement?.closest('article')
  if (key === 's') save()
  else if (key === 'j' || key === 'arrowdown') step(1)
  else if (key === 'k' || key === 'arrowup') step(-1)
  else if (key in KEYS && card) KEYS[key](card)
  else return
  event.preventDefault()
}

at('open').onchange = () => { page = 0; show() }
at('before').onclick = () => turn(-1)
at('after').onclick = () => turn(1)
at('save').onclick = save
onbeforeunload = event => { if (!saved) event.preventDefault() }
recall()
addChoices()
show()
