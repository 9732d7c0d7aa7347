document.querySelector("iframe").src = decodeURIComponent(location.search.slice(1));
