// A wish in a reader's own words ("train on my folder") leads first to the heading that has most of them.
// Sphinx asks that every word be on a page; here a heading is found by the words that carry the meaning.
document.addEventListener('DOMContentLoaded', () => {
  if (typeof Search === 'undefined') return
  const small = new Set('a an and are as at be by can do does for from how i in into is it its me my of on one or our own the to want we what where which with your'.split(' '))
  const stemmer = new Stemmer()
  const words = text => new Set(splitQuery(text.toLowerCase()).filter(word => !small.has(word)).map(word => stemmer.stemWord(word)))
  const share = (asked, title) => {
    const named = words(title)
    const met = [...asked].filter(word => named.has(word)).length
    return met === asked.size ? 1 + met/named.size : met > 1 ? met/asked.size : 0
  }
  const search = Search._performSearch
  Search._performSearch = (query, ...terms) => {
    const asked = words(query)
    const {docnames, filenames, titles, alltitles, indexentries} = Search._index
    const best = new Map()
    const offer = (title, said, file, id, score) => {
      const howto = docnames[file].endsWith('how_do_i')
      if (score < (howto ? .6 : 1)) return
      const key = docnames[file] + (id ? '#' + id : '')
      const rank = (howto ? 1000 : 500)*score
      if (rank > (best.get(key)?.[4] ?? 0))
        best.set(key, [docnames[file], title, id ? '#' + id : '', said, Math.round(rank), filenames[file], 'title'])
    }
    if (asked.size) {
      for (const [title, places] of Object.entries(alltitles))
        for (const [file, id] of places)
          offer(titles[file] === title ? title : `${titles[file]} > ${title}`, null, file, titles[file] === title ? null : id, share(asked, title))
      for (const [entry, places] of Object.entries(indexentries))
        for (const [file, id] of places)
          if (docnames[file].endsWith('how_do_i') || share(asked, entry) === 2)  // elsewhere the very words only
            offer(titles[file], entry, file, docnames[file].endsWith('how_do_i') ? id : null, share(asked, entry))
    }
    const ranked = [...best.values()].sort((a, b) => a[4] - b[4])
    const howto = ranked.filter(result => result[4] >= 600 && result[0].endsWith('how_do_i')).at(-1)
    const first = ranked.filter(result => result === howto || !result[0].endsWith('how_do_i'))  // one of its places is enough
    const found = search(query, ...terms).filter(result => !best.has(result[0] + (result[2] || '')))
    return [...found, ...first]
  }
})
