// ipywidgets asks for MathJax 2 to typeset formulas in labels; pages have MathJax 3
addEventListener('DOMContentLoaded', () => {
  if (window.MathJax && !MathJax.Hub) MathJax.Hub = {Queue: ([, , element]) => MathJax.typesetPromise?.([element])}
})
