// The browser's database, of which all tabs see one and the same state: what one tab has removed, no other
// finds. (localStorage does not promise that: each process of the browser has its copy, a moment behind.)

const ANSWERS = "answers";

/** {all(), put(entry), remove(entry)} of one queue, each a promise; in memory where there is no database. */
export async function openStore(queue) {
  try {
    return inDatabase(await opened(), queue);
  } catch {
    return inMemory();
  }
}

/** A store that this page alone sees, and that ends with it. */
export function inMemory(entries = []) {
  const kept = new Map(entries.map((entry) => [entry.assignment.id, entry]));
  return {
    all: async () => [...kept.values()],
    put: async (entry) => void kept.set(entry.assignment.id, entry),
    remove: async (entry) => void kept.delete(entry.assignment.id),
  };
}

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("pairwright", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ANSWERS, { keyPath: ["queue", "assignment.id"] });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function inDatabase(database, queue) {
  const all = IDBKeyRange.bound([queue], [queue, []]);
  const within = (mode, task) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(ANSWERS, mode);
      const request = task(transaction.objectStore(ANSWERS));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
      // Not once this page has heard the answer: it may be closed before.
      transaction.commit();
    });
  return {
    all: () => within("readonly", (answers) => answers.getAll(all)),
    put: (entry) => within("readwrite", (answers) => answers.put({ ...entry, queue })),
    remove: (entry) => within("readwrite", (answers) => answers.delete([queue, entry.assignment.id])),
  };
}
