// Options can be searched for as they are typed: to the search, a hyphen before a word says that pages with it are to be left out.
document.addEventListener(
  "input",
  ({ target }) => {
    if (target.matches(".md-search__input")) {
      const words = target.value.replace(/(^|\s)-+(?=[^\s-])/g, "$1");
      if (words !== target.value) target.value = words;
    }
  },
  true,
);
