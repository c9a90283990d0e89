// Nobody is asked but this page: the model, the program that runs it and the photographs of the shop are in it.
'use strict'
const take = id => {
  const node = document.getElementById(id)
  const text = node.textContent
  node.remove()
  return text
}
const known = JSON.parse(take('known'))
const pictures = new Map(known.items.map((item, i) => [item.id, known.pictures[i]]))
const places = new Map(known.items.map((item, i) => [item.id, i]))
const pictureOf = id => `data:image/jpeg;base64,${pictures.get(id)}`

function bytesOf(text) {
  const letters = atob(text)
  const bytes = new Uint8Array(letters.length)
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i)
  return bytes
}

const unpack = bytes => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer()

// The model

async function begin() {
  const glue = new Blob([bytesOf(take('glue'))], { type: 'text/javascript' })
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(glue) }
  ort.env.wasm.wasmBinary = await unpack(bytesOf(take('wasm')))
  const model = bytesOf(take('model'))
  return ort.InferenceSession.create(model, { executionProviders: ['wasm'], logSeverityLevel: 3 })
}

let session, waiting = Promise.resolve()

function started() {
  session ??= begin().catch(error => {
    console.warn(error)
    const advice = 'Open this page with a browser of today: Chrome, Edge, Firefox or Safari.'
    throw new Refused(0, `The model could not be started here. ${advice}`)
  })
  return session
}

// One photograph after the other: the model looks at one at a time

function inTurn(work) {
  const turn = waiting.then(work)
  waiting = turn.catch(() => {})
  return turn
}

// A photograph as the model sees it, as in Python

const MOST_PIXELS = 16e6              // What a phone lets a page look at; larger photographs are drawn smaller

async function pixelsOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const turn = takeTurn(bytes)
  let image
  try {
    image = await createImageBitmap(new Blob([bytes], { type: file.type }), { colorSpaceConversion: 'none' })
  } catch {
    if (file.type.startsWith('image/'))
      throw new Refused(422, `${file.name} cannot be read by this browser: save it as JPEG or PNG.`)
    throw new Refused(415, 'not a photograph')
  }
  const smaller = Math.min(1, Math.sqrt(MOST_PIXELS/(image.width*image.height)))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(image.width*smaller))
  canvas.height = Math.max(1, Math.round(image.height*smaller))
  const context = canvas.getContext('2d', { willReadFrequently: true })
  context.imageSmoothingQuality = 'high'
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0, canvas.width, canvas.height)
  image.close()
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height)
  const picture = { data, width, height, step: 4 }
  const jpeg = bytes[0] === 0xff && bytes[1] === 0xd8
  return turned(jpeg && smaller === 1 ? drafted(picture) : picture, turn)
}

// How a photograph lies stands in its EXIF data. Chromium turns a JPEG and lets a WebP lie, and Python reads a large
// JPEG smaller before it turns it; so the page takes that number out of the file and turns the pixels itself

function exifOf(view) {               // Where the EXIF data of a JPEG or a WebP begin
  const word = at => String.fromCharCode(...new Uint8Array(view.buffer, at, 4))
  if (view.getUint16(0) === 0xffd8) {
    for (let at = 2; view.getUint8(at) === 0xff && view.getUint8(at+1) !== 0xda; at += 2+view.getUint16(at+2)) {
      if (view.getUint8(at+1) === 0xe1 && word(at+4) === 'Exif') return at+10
    }
  } else if (word(0) === 'RIFF' && word(8) === 'WEBP') {
    for (let at = 12; ; at += 8+2*Math.ceil(view.getUint32(at+4, true)/2)) {
      if (word(at) === 'EXIF') return word(at+8) === 'Exif' ? at+14 : at+8
    }
  }
}

function takeTurn(bytes) {            // 1 to 8, as EXIF counts
  const view = new DataView(bytes.buffer)
  try {
    const begin = exifOf(view)
    const little = view.getUint16(begin) === 0x4949
    const first = begin+view.getUint32(begin+4, little)
    for (let i = 0; i < view.getUint16(first, little); i++) {
      const at = first+2+12*i
      if (view.getUint16(at, little) !== 0x112) continue
      const turn = view.getUint16(at+8, little)
      view.setUint16(at+8, 1, little)
      return turn
    }
  } catch {}                          // the file ends before it has said so
  return 1
}

function turned(picture, turn) {
  if (turn < 2 || turn > 8) return picture
  const { data, width, height, step } = picture
  const lies = turn > 4, mirrored = [2, 3, 7, 8].includes(turn), inverted = [3, 4, 6, 7].includes(turn)
  const [w, h] = lies ? [height, width] : [width, height]
  const out = new Uint8ClampedArray(w*h*3)
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const column = lies ? y : x, row = lies ? x : y
      const from = ((inverted ? height-1-row : row)*width+(mirrored ? width-1-column : column))*step
      const to = (y*w+x)*3
      for (let c = 0; c < 3; c++) out[to+c] = data[from+c]
    }
  }
  return { data: out, width: w, height: h, step: 3 }
}

// Python reads a large JPEG smaller: of each eight by eight pixels only the low frequencies. Here the same is
// made of what the browser has decoded

function wave(n, k, i) {
  return Math.sqrt((k ? 2 : 1)/n)*Math.cos((2*i+1)*k*Math.PI/(2*n))
}

function lowOf(n) {
  const rows = []
  for (let i = 0; i < n; i++) {
    const row = new Float32Array(8)
    for (let j = 0; j < 8; j++) {
      for (let k = 0; k < n; k++) row[j] += Math.sqrt(n/8)*wave(n, k, i)*wave(8, k, j)
    }
    rows.push(row)
  }
  return rows
}

function drafted(picture) {
  const { data, width, height, step } = picture
  const shorter = Math.min(width, height)
  if (shorter < 3*known.look.store) return picture
  const times = Math.floor(shorter/Math.floor(1.5*known.look.store))
  const s = [8, 4, 2, 1].find(s => s <= times)
  const n = 8/s
  const low = lowOf(n)
  const w = Math.ceil(width/s), h = Math.ceil(height/s)
  const rows = new Float32Array(height*w*3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < w; x++) {
      const first = 8*Math.floor(x/n), shares = low[x % n], to = (y*w+x)*3
      for (let j = 0; j < 8; j++) {
        const at = (y*width+Math.min(first+j, width-1))*step
        for (let c = 0; c < 3; c++) rows[to+c] += shares[j]*data[at+c]
      }
    }
  }
  const out = new Uint8ClampedArray(w*h*3)
  for (let y = 0; y < h; y++) {
    const first = 8*Math.floor(y/n), shares = low[y % n]
    for (let x = 0; x < 3*w; x++) {
      let sum = 0
      for (let j = 0; j < 8; j++) sum += shares[j]*rows[Math.min(first+j, height-1)*3*w+x]
      out[y*3*w+x] = sum
    }
  }
  return { data: out, width: w, height: h, step: 3 }
}

const triangle = x => Math.max(0, 1-Math.abs(x))

function bend(x) {
  const a = Math.abs(x)
  if (a < 1) return (1.5*a-2.5)*a*a+1
  return a < 2 ? ((-.5*a+2.5)*a-4)*a+2 : 0
}

function sharesOf(from, to, cubic) {
  const stretch = Math.max(from/to, 1)
  const reach = (cubic ? 2 : 1)*stretch
  const places = []
  for (let i = 0; i < to; i++) {
    const center = (i+.5)*from/to
    const first = Math.max(Math.trunc(center-reach+.5), 0)
    const last = Math.min(Math.trunc(center+reach+.5), from)
    const shares = []
    for (let j = first; j < last; j++) shares.push((cubic ? bend : triangle)((j-center+.5)/stretch))
    const all = shares.reduce((a, b) => a+b, 0)
    places.push([first, shares.map(share => share/all)])
  }
  return places
}

// First along the rows, then along the columns; whole numbers in between, unless they are to stay `exact`

function resize(from, box, w, h, cubic, exact) {
  const Numbers = exact ? Float32Array : Uint8ClampedArray
  const rows = new Numbers(w*box.height*3)
  const across = sharesOf(box.width, w, cubic)
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < w; x++) {
      const [first, shares] = across[x]
      let r = 0, g = 0, b = 0
      let at = ((box.top+y)*from.width+box.left+first)*from.step
      for (const share of shares) {
        r += share*from.data[at]
        g += share*from.data[at+1]
        b += share*from.data[at+2]
        at += from.step
      }
      rows.set([r, g, b], (y*w+x)*3)
    }
  }
  const out = new Numbers(w*h*3)
  const down = sharesOf(box.height, h, cubic)
  for (let y = 0; y < h; y++) {
    const [first, shares] = down[y]
    for (let x = 0; x < 3*w; x++) {
      let sum = 0
      shares.forEach((share, j) => { sum += share*rows[(first+j)*3*w+x] })
      out[y*3*w+x] = sum
    }
  }
  return { data: out, width: w, height: h, step: 3 }
}

const whole = picture => ({ left: 0, top: 0, width: picture.width, height: picture.height })
const even = x => Math.abs(x % 1) === .5 ? 2*Math.round(x/2) : Math.round(x)

function squareOf(picture) {
  const { store, resize: rule } = known.look
  const [way, kind] = rule.split('-')
  const cubic = kind === 'bicubic'
  const { width, height } = picture
  if (way === 'crop') {
    const side = Math.min(width, height)
    const box = { left: Math.floor((width-side)/2), top: Math.floor((height-side)/2), width: side, height: side }
    return resize(picture, box, store, store, cubic)
  }
  if (way === 'squash') return resize(picture, whole(picture), store, store, cubic)
  const longer = Math.max(width, height)
  const w = Math.max(even(store*width/longer), 1)
  const h = Math.max(even(store*height/longer), 1)
  const small = resize(picture, whole(picture), w, h, cubic)
  const data = new Uint8ClampedArray(store*store*3).fill(255)
  const left = Math.floor((store-w)/2), top = Math.floor((store-h)/2)
  for (let y = 0; y < h; y++) data.set(small.data.subarray(y*3*w, (y+1)*3*w), ((top+y)*store+left)*3)
  return { data, width: store, height: store, step: 3 }
}

function seen(picture) {
  const { size, side, first, mean, std } = known.look
  const square = squareOf(picture)
  const box = { left: first, top: first, width: side, height: side }
  const middle = resize(square, box, size, size, false, true)
  const x = new Float32Array(3*size*size)
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < size*size; i++) x[c*size*size+i] = (middle.data[3*i+c]-255*mean[c])/(255*std[c])
  }
  return new ort.Tensor('float32', x, [1, 3, size, size])
}

// What the numbers mean

function softmax(z) {
  const most = Math.max(...z)
  const powers = z.map(value => Math.exp(value-most))
  const all = powers.reduce((a, b) => a+b, 0)
  return powers.map(power => power/all)
}

const paired = (names, values) => Object.fromEntries(names.map((name, i) => [name, values[i]]))
const best = values => values.indexOf(Math.max(...values))

function attributesOf(z) {
  const { attributes, thresholds, attribute_groups: groups } = known.model
  const [scale, shifts] = [known.model.attribute_scale, known.model.attribute_shifts]
  const scores = z.map((value, i) => (scale.length ? scale[i] : scale ?? 1)*value+(shifts?.[i] ?? 0))
  const prob = scores.map(score => 1/(1+Math.exp(-score)))
  const said = prob.map((p, i) => p >= thresholds[i])
  for (const { columns, single } of groups || []) {
    if (!single) continue
    softmax(columns.map(i => scores[i])).forEach((p, j) => { prob[columns[j]] = p })
    const answer = best(columns.map(i => prob[i]/Math.max(thresholds[i], 1e-9)))
    columns.forEach((i, j) => { said[i] = j === answer })
  }
  const names = attributes.filter((name, i) => said[i])
  return [paired(attributes, prob), Object.fromEntries(names.map(name => [name, true]))]
}

function understood(out) {
  const row = { category: '', attributes: {}, every: { categories: {}, attributes: {} }, embedding: out.embedding?.data }
  if (out.category) {
    const prob = softmax([...out.category.data].map(value => value/known.model.temperature))
    row.every.categories = paired(known.model.classes, prob)
    row.category = known.model.classes[best(prob)]
  }
  if (out.attributes) [row.every.attributes, row.attributes] = attributesOf([...out.attributes.data])
  return row
}

const looked = new WeakMap()          // A photograph is looked at once, whatever is asked of it

function lookAt(file) {
  if (!looked.has(file)) {
    looked.set(file, inTurn(async () => {
      const model = await started()
      return understood(await model.run({ photographs: seen(await pixelsOf(file)) }))
    }))
  }
  return looked.get(file)
}

// The photographs of the shop: embeddings in whole numbers of eight bits, and a scale for each

const vectors = new Int8Array(bytesOf(take('vectors')).buffer)

function similarity(query, i) {
  const at = i*query.length
  let sum = 0
  for (let j = 0; j < query.length; j++) sum += query[j]*vectors[at+j]
  return sum*known.scales[i]
}

function vectorOf(i) {
  const n = vectors.length/known.items.length
  return Float32Array.from(vectors.subarray(i*n, (i+1)*n), value => value*known.scales[i])
}

function fitting(filter) {
  const category = filter.get('category'), attribute = filter.get('attribute')
  return known.items.filter(item => (!category || item.category === category)
    && (!attribute || item.attributes.includes(attribute)))
}

function nearest(query, filter) {
  const id = filter.get('id')
  const rows = fitting(filter).filter(item => item.id !== id)
  const hits = rows.map(item => ({ ...item, similarity: similarity(query, places.get(item.id)) }))
  return hits.sort((a, b) => b.similarity-a.similarity).slice(0, filter.get('k'))
}

// What is asked

const ANSWERS = {
  about: async () => known.about,
  predict: async (filter, file) => ({ photographs: [await lookAt(file)] }),
  search: async (filter, file) => {
    const query = file ? (await lookAt(file)).embedding : vectorOf(places.get(filter.get('id')))
    return { hits: nearest(query, filter) }
  },
  items: async filter => {
    const found = fitting(filter)
    return { items: found.slice(0, filter.get('limit')), total: found.length }
  }
}

const formOf = photo => photo.file

async function ask(path, options = {}) {
  const [what, filter] = path.split('?')
  return ANSWERS[what](new URLSearchParams(filter), options.body)
}
