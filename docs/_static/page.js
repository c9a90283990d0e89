// Copy buttons on what a reader may type, and figures that are wider than their column at full size
addEventListener('DOMContentLoaded', () => {
  const typed = '.cell_input div.highlight, div.highlight-sh div.highlight, div.highlight-bash div.highlight, div.highlight-python div.highlight, div.highlight-ipython div.highlight'
  for (const block of document.querySelectorAll(typed)) {
    if (block.querySelector('button.copy')) continue
    const button = document.createElement('button')
    Object.assign(button, {className: 'copy', type: 'button', textContent: 'Copy'})
    button.setAttribute('aria-label', 'Copy the code')
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(block.querySelector('pre').textContent.trimEnd())
      button.textContent = 'Copied'
      setTimeout(() => { button.textContent = 'Copy' }, 1500)
    })
    block.append(button)
  }
  for (const figure of document.querySelectorAll('.cell_output img, section > p > img, section > img')) {
    const widen = () => {
      if (figure.naturalWidth <= figure.clientWidth*1.15 || figure.closest('a')) return
      const link = Object.assign(document.createElement('a'), {href: figure.src, className: 'full-size', title: 'Full size'})
      figure.replaceWith(link)
      link.append(figure)
    }
    figure.complete ? widen() : figure.addEventListener('load', widen)
  }
  // a photograph of a widget is called by the words beside it: the widget has no place for them
  const name = image => { image.alt ||= image.parentElement.innerText.trim().split('\n')[0] || document.title }
  const look = () => document.querySelectorAll('img.widget-image:not([alt]), .jupyter-widgets img:not([alt])').forEach(name)
  if (document.querySelector('script[type="application/vnd.jupyter.widget-view+json"]'))
    new MutationObserver(look).observe(document.body, {childList: true, subtree: true})
})
