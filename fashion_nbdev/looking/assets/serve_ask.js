// The server of the page is asked: it has the model and the shop.
'use strict'

async function ask(path, options = {}) {
  let answer
  try {
    answer = await fetch(path, options)
  } catch {
    throw new Refused(0, 'The shop\'s computer does not answer. Is serve-fashion still running there?')
  }
  if (answer.ok) return answer.json()
  const said = await answer.json().catch(() => ({}))
  throw new Refused(answer.status, said.detail || `The shop's computer refused (${answer.status}).`)
}

const pictureOf = (id, side) => `photo?${new URLSearchParams({ id, side })}`

function formOf(photo) {
  const form = new FormData()
  form.append('photographs', photo.file, photo.name)
  return form
}
