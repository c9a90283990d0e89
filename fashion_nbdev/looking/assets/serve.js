// Photographs are put to whoever `ask` asks, and what is said of them is shown, edited and saved. All text goes in as text.
const at = id => document.getElementById(id)
const tray = []                       // Photographs that were put through, in their order
const PAGE = 24
let about, now = null, history = [], wanted = PAGE, asked = 0, key = ''

function make(tag, name, text) {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  return node
}

const percent = p => `${Math.round(100*p)} %`

function trouble(line) {
  at('trouble').textContent = line
  at('trouble').hidden = !line
}

// Who is asked refuses with a status and a line, and says later what it cannot say now

class Refused extends Error {
  constructor(status, line) { super(line); this.status = status }
}

async function askPatiently(path, options) {
  for (let i = 0; ; i++) {
    try {
      return await ask(path, options)
    } catch (error) {
      if (error.status !== 503 || i === 20) throw error
      await new Promise(done => setTimeout(done, 1000))
    }
  }
}

const WORDS = { 413: 'is too large for this shop', 415: 'is not a photograph (JPEG, PNG or WebP are)' }
const inWords = (error, name) => error.status in WORDS ? `${name} ${WORDS[error.status]}.` : error.message

// Putting photographs through: two at a time, so that the model can look at them together

async function putThrough(files) {
  trouble('')
  const added = [...files].map(file => ({ file, name: file.name || 'photograph', url: URL.createObjectURL(file) }))
  if (!added.length) return
  at('drop').classList.add('small')
  tray.push(...added)
  drawTray()
  let next = 0, opened = false
  async function work() {
    while (next < added.length) {
      const photo = added[next++]
      try {
        await informed()
        const said = await askPatiently('predict?every=true', { method: 'POST', body: formOf(photo) })
        learn(photo, said.photographs[0])
      } catch (error) {
        photo.error = inWords(error, photo.name)
      }
      drawTray()
      const lead = added.find(photo => !photo.error)
      if (!opened && lead?.said) { opened = true; open(lead) }
    }
  }
  await Promise.all([work(), work()])
  const bad = added.filter(photo => photo.error)
  if (bad.length) trouble(bad.map(photo => photo.error).slice(0, 5).join('\n'))
}

function learn(photo, row) {
  photo.every = { categories: {}, attributes: {}, ...row.every }
  photo.category = photo.first = row.category || ''
  photo.unlike = row.strangeness >= .95
  const said = new Set(Object.keys(row.attributes || {}))
  for (const group of about.model.groups) {
    const answer = row.answers?.[group.name]?.answer
    for (const one of group.attributes) if (group.single && one.short === answer) said.add(one.name)
  }
  photo.said = said
  photo.before = new Set(said)
}

// The table

const shorts = photo => about.model.groups.flatMap(group => group.attributes
  .filter(one => photo.said.has(one.name)).map(one => group.single ? `${group.name} ${one.short}` : one.short))

function rowOf(photo) {
  const row = make('tr')
  row.tabIndex = 0
  row.photo = photo
  row.setAttribute('aria-selected', photo === now)
  const image = make('img')
  image.src = photo.url
  image.alt = ''
  const cell = make('td')
  cell.append(image)
  row.append(cell, make('td', '', photo.name))
  if (photo.error) {
    const bad = make('td', 'bad', photo.error)
    bad.colSpan = 2
    row.append(bad)
  } else {
    row.append(make('td', '', photo.said ? photo.category : '…'), make('td', '', photo.said ? shorts(photo).join(', ') : ''))
  }
  row.onclick = () => photo.said && open(photo)
  return row
}

function drawTray() {
  const held = document.activeElement?.photo
  at('tray').hidden = !tray.length
  at('rows').replaceChildren(...tray.map(rowOf))
  const ready = tray.filter(photo => photo.said || photo.error).length
  at('progress').textContent = ready < tray.length ? `${ready} of ${tray.length} photographs …`
    : `${tray.length} photograph${tray.length === 1 ? '' : 's'}`
  at('csv').disabled = ready < tray.length || !about
  for (const row of at('rows').children) if (row.photo === held) row.focus()
}

// A spreadsheet takes a cell that begins like a formula as one: such text gets an apostrophe

function cell(value) {
  const text = String(value ?? '')
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function spreadsheet() {
  const single = about.model.groups.filter(group => group.single)
  const lines = [['photograph', 'category', 'how sure', ...single.map(group => group.name), 'tags', 'changed by hand', 'problem']]
  for (const photo of tray) {
    const name = group => group.attributes.find(one => photo.said?.has(one.name))?.short
    const tags = about.model.groups.filter(group => !group.single).flatMap(group => group.attributes)
      .filter(one => photo.said?.has(one.name)).map(one => one.short)
    const sure = photo.every?.categories[photo.category]
    lines.push([photo.name, photo.category, sure, ...single.map(name), tags.join('; '), changed(photo) ? 'yes' : '', photo.error])
  }
  return '\ufeff' + lines.map(line => line.map(cell).join(',')).join('\r\n') + '\r\n'
}

function save() {
  if (!tray.length || at('csv').disabled) return
  const link = make('a')
  link.href = URL.createObjectURL(new Blob([spreadsheet()], { type: 'text/csv' }))
  link.download = 'photographs.csv'
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

// The photograph that is open: one of the tray, or one of the shop

function changed(photo) {
  if (!photo.said || photo.id !== undefined) return false
  const other = [...photo.said].some(name => !photo.before.has(name)) || photo.said.size !== photo.before.size
  return other || photo.category !== photo.first
}

function open(photo, back = false) {
  if (now && !back && now !== photo) history.push(now)
  now = photo
  wanted = PAGE
  at('open').hidden = false
  at('picture').src = photo.url
  at('picture').alt = photo.name
  at('name').textContent = photo.name
  at('done').textContent = ''
  at('back').hidden = !history.length
  drawOpen()
  drawTray()
  showNear()
}

function goBack() {
  if (history.length) open(history.pop(), true)
}

function edit(change) {
  change()
  drawOpen()
  drawTray()
}

function addOption(select, value, text, chosen) {
  const option = make('option', '', text)
  option.value = value
  option.selected = chosen
  select.append(option)
}

function surest(probabilities) {
  return Object.entries(probabilities).sort((a, b) => b[1]-a[1])
}

function drawOpen() {
  const own = now.id === undefined
  at('kind').parentElement.hidden = own ? !about.model.categories.length : !now.category
  at('kind').disabled = !own
  at('kind').replaceChildren()
  const names = own ? surest(now.every.categories).map(pair => pair[0]) : [now.category]
  for (const name of names) addOption(at('kind'), name, name, name === now.category)
  at('bars').replaceChildren(...(own ? surest(now.every.categories).slice(0, 3).map(bar) : []))
  at('details').replaceChildren(...details(own))
  at('unlike').hidden = !now.unlike
  const writable = about.gallery?.writable
  at('add').hidden = !writable || !own
  at('remove').hidden = !writable || own
}

function bar([name, p]) {
  const made = make('button', 'option')
  const line = make('i')
  line.style.setProperty('--share', `${100*p}%`)
  made.append(make('span', '', name), line, make('span', 'sure', percent(p)))
  made.title = `It is: ${name}`
  made.onclick = () => edit(() => { now.category = name })
  return made
}

function question(group, own) {
  const label = make('label', '', group.name)
  const select = make('select')
  const chosen = group.attributes.find(one => now.said.has(one.name))?.name || ''
  select.disabled = !own
  const sure = one => now.every?.attributes[one.name]
  const sorted = own ? [...group.attributes].sort((a, b) => sure(b)-sure(a)) : group.attributes
  addOption(select, '', '–', !chosen)
  for (const one of sorted) {
    addOption(select, one.name, own ? `${one.short} · ${percent(sure(one))}` : one.short, one.name === chosen)
  }
  if (own && chosen && !now.before.has(chosen)) select.className = 'changed'
  select.onchange = () => edit(() => {
    for (const one of group.attributes) now.said.delete(one.name)
    if (select.value) now.said.add(select.value)
  })
  label.append(select)
  return label
}

function chip(one, own) {
  const made = make('button', 'chip', own ? `${one.short} ` : one.short)
  if (own) {
    made.append(make('small', '', percent(now.every.attributes[one.name] ?? 0)), ' ×')
    made.title = `Not ${one.short}`
    if (!now.before.has(one.name)) made.classList.add('changed')
    made.onclick = () => edit(() => now.said.delete(one.name))
  }
  made.disabled = !own
  return made
}

function tags(group, own) {
  const box = make('fieldset')
  const chips = make('div', 'chips')
  box.append(make('legend', '', group.name || 'tags'), chips)
  chips.append(...group.attributes.filter(one => now.said.has(one.name)).map(one => chip(one, own)))
  const others = group.attributes.filter(one => !now.said.has(one.name))
  if (own && others.length) {
    const select = make('select')
    select.setAttribute('aria-label', `add ${group.name || 'a tag'}`)
    addOption(select, '', 'add …', true)
    const sure = one => now.every.attributes[one.name]
    others.sort((a, b) => sure(b)-sure(a))
    for (const one of others) addOption(select, one.name, `${one.short} · ${percent(sure(one))}`, false)
    select.onchange = () => edit(() => now.said.add(select.value))
    chips.append(select)
  }
  if (!chips.children.length) chips.append(make('span', 'soft', 'none'))
  return box
}

function details(own) {
  const single = about.model.groups.filter(group => group.single)
  const several = about.model.groups.filter(group => !group.single)
  const questions = make('div', 'questions')
  questions.append(...single.map(group => question(group, own)))
  return [...(single.length ? [questions] : []), ...several.map(group => tags(group, own))]
}

// What looks like it, or what there is

async function showNear() {
  if (!about.gallery) return
  at('near').hidden = false
  const mine = ++asked
  const filter = new URLSearchParams()
  if (at('only').value) filter.append('category', at('only').value)
  if (at('with').value) filter.append('attribute', at('with').value)
  try {
    const [rows, total] = await near(filter)
    if (mine !== asked) return
    drawCards(rows, total)
  } catch (error) {
    if (mine === asked) trouble(inWords(error, now?.name))
  }
}

async function near(filter) {
  if (!now) {
    filter.append('limit', wanted)
    const page = await ask(`items?${filter}`)
    return [page.items, page.total]
  }
  filter.append('k', Math.min(wanted, 200))
  if (now.id !== undefined) filter.append('id', now.id)
  const body = now.id === undefined ? formOf(now) : undefined
  const found = await askPatiently(`search?${filter}`, { method: 'POST', body })
  return [found.hits, Infinity]
}

function drawCards(rows, total) {
  at('cards').replaceChildren(...rows.map(card))
  const all = `${total.toLocaleString('en')} photograph${total === 1 ? '' : 's'} in the shop`
  at('found').textContent = !rows.length ? 'Nothing in the shop fits.' : now ? 'Looks most like it' : all
  at('more').hidden = rows.length < wanted || rows.length >= Math.min(total, 200)
}

function itemOf(row) {
  const url = pictureOf(row.id, 512)
  return { id: row.id, name: row.id, url, category: row.category, said: new Set(row.attributes), before: new Set(row.attributes) }
}

function card(row) {
  const made = make('button', 'card')
  const image = make('img')
  image.src = pictureOf(row.id, 256)
  image.alt = ''
  const words = make('span', '', row.category || row.id)
  made.append(image, words)
  if (row.similarity !== undefined && row.similarity !== null) {
    words.append(make('br'), make('small', '', `${percent(Math.max(row.similarity, 0))} alike`))
  }
  made.title = [row.id, row.item, row.attributes.join(', ')].filter(Boolean).join('\n')
  made.onclick = () => { open(itemOf(row)); at('open').scrollIntoView({ block: 'start' }) }
  return made
}

function fillFilters() {
  at('only').replaceChildren()
  addOption(at('only'), '', 'everything', true)
  for (const [name, n] of Object.entries(about.gallery.categories)) if (name) addOption(at('only'), name, `${name} (${n})`, false)
  at('with').replaceChildren()
  addOption(at('with'), '', 'any detail', true)
  for (const name of about.gallery.attributes) addOption(at('with'), name, name, false)
  at('with').parentElement.hidden = !about.gallery.attributes.length
}

// Changing the shop

function askForKey() {
  return new Promise(done => {
    at('key').value = ''
    at('ask').onclose = () => done(at('ask').returnValue === 'ok' ? at('key').value : '')
    at('ask').returnValue = ''
    at('ask').showModal()
  })
}

async function change(path, options, done) {
  trouble('')
  try {
    if (about.gallery.key && !key) key = await askForKey()
    if (about.gallery.key && !key) return
    if (key) options.headers = { Authorization: `Bearer ${key}` }
    await ask(path, options)
    at('done').textContent = done
    await learnAbout()
  } catch (error) {
    if (error.status === 401) key = ''
    trouble(error.status === 401 ? 'That is not the key of this shop.' : inWords(error, now.name))
  }
}

async function addNow() {
  const photo = now
  const form = formOf(photo)
  if (photo.category) form.append('category', photo.category)
  for (const name of photo.said.size ? photo.said : ['']) form.append('attributes', name)
  await change('items', { method: 'POST', body: form }, 'It is in the shop now.')
}

async function removeNow() {
  const query = new URLSearchParams({ id: now.id })
  await change(`items?${query}`, { method: 'DELETE' }, 'It is no longer in the shop.')
}

// Beginning

async function learnAbout() {
  about = await ask('about')
  const what = []
  if (about.model.categories.length) what.push('say what they show')
  if (about.gallery) what.push(`find what looks alike among ${about.gallery.photographs.toLocaleString('en')} photographs of this shop`)
  at('intro').textContent = `Put photographs in to ${what.join(', and ') || 'have them looked at'}.`
  at('browse').hidden = !about.gallery
  if (about.gallery) {
    const held = [at('only').value, at('with').value]
    fillFilters();
    [at('only').value, at('with').value] = held
    for (const id of ['only', 'with']) if (at(id).selectedIndex < 0) at(id).selectedIndex = 0
  }
}

// Photographs that come before it is known what is served wait for that; a failure is asked about again

let learning = null
const informed = () => learning ??= learnAbout().catch(error => { learning = null; throw error })

function step(by) {
  const ready = tray.filter(photo => photo.said)
  const place = ready.indexOf(now)
  const next = ready[Math.min(Math.max(place+by, 0), ready.length-1)]
  if (next && next !== now) open(next)
}

document.onkeydown = event => {
  const busy = event.target.closest('input, select, textarea, dialog')
  if (event.ctrlKey || event.metaKey || event.altKey || busy) return
  const pressed = event.key.toLowerCase()
  const row = event.target.closest('tr')
  if (pressed === 'o') at('files').click()
  else if (pressed === 's') save()
  else if (pressed === 'backspace') goBack()
  else if (pressed === 'arrowdown' || pressed === 'j') step(1)
  else if (pressed === 'arrowup' || pressed === 'k') step(-1)
  else if (pressed === 'enter' && row?.photo?.said) open(row.photo)
  else return
  event.preventDefault()
}

for (const id of ['files', 'camera']) at(id).onchange = () => { putThrough(at(id).files); at(id).value = '' }
at('choose').onclick = () => at('files').click()
at('take').onclick = () => at('camera').click()
at('take').hidden = !matchMedia('(pointer: coarse)').matches
at('browse').onclick = () => { now = null; history = []; wanted = PAGE; at('open').hidden = true; drawTray(); showNear() }
at('csv').onclick = save
at('clear').onclick = () => {
  for (const photo of tray) URL.revokeObjectURL(photo.url)
  tray.length = 0
  now = null
  history = []
  trouble('')
  for (const id of ['open', 'near']) at(id).hidden = true
  at('drop').classList.remove('small')
  drawTray()
}
at('kind').onchange = () => edit(() => { now.category = at('kind').value })
at('back').onclick = goBack
at('only').onchange = at('with').onchange = () => { wanted = PAGE; showNear() }
at('more').onclick = () => { wanted += PAGE; showNear() }
at('add').onclick = addNow
at('remove').onclick = removeNow
document.ondragover = event => { event.preventDefault(); at('drop').classList.add('over') }
document.ondragleave = event => { if (!event.relatedTarget) at('drop').classList.remove('over') }
document.ondrop = event => {
  event.preventDefault()
  at('drop').classList.remove('over')
  putThrough(event.dataTransfer.files)
}
document.onpaste = event => putThrough(event.clipboardData.files)
informed().catch(error => trouble(error.message))
