// @ts-check
// One picture in this browser's own storage (IndexedDB).

const [NAME, STORE, KEY] = ["vitdemo", "pictures", "last"];

/** `work(store)` makes a request; its result, or undefined where the browser keeps nothing. */
function asked(mode, work) {
  return new Promise((done) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => done(undefined);
    opening.onsuccess = () => {
      const database = opening.result;
      const turn = database.transaction(STORE, mode);
      const request = work(turn.objectStore(STORE));
      turn.oncomplete = () => done(request.result);
      turn.onabort = () => done(undefined);
      turn.addEventListener("complete", () => database.close());
      turn.addEventListener("abort", () => database.close());
    };
  });
}

/** The picture, a `File`, or undefined.
 * @returns {Promise<File | undefined>} */
export const last = () => asked("readonly", (store) => store.get(KEY));
/** @param {File} file */
export const keep = (file) => asked("readwrite", (store) => store.put(file, KEY));
export const forget = () => asked("readwrite", (store) => store.delete(KEY));
