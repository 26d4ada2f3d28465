// The browser's database, of which all tabs see one and the same state: what one tab has removed, no other
// finds. (localStorage does not promise that: each process of the browser has its copy, a moment behind.)

const TURNS = "turns";
const EARLIER = "answers"; // of version 1, which kept what waited and no more

/**
 * The turns of one queue, each method a promise; in memory where there is no database:
 * all(); put(turn); change(keys, task): task(turn or undefined, key) gives what the turn becomes, null to
 * remove it, or undefined to leave it alone; nothing comes between. It resolves to what the tasks gave.
 */
export async function openStore(queue) {
  try {
    return inDatabase(await opened(), queue);
  } catch {
    return inMemory();
  }
}

/** A store that this page alone sees, and that ends with it. */
export function inMemory(turns = []) {
  const kept = new Map(turns.map((turn) => [turn.key, turn]));
  const write = (key, turn) => {
    if (turn) kept.set(key, turn);
    else if (turn === null) kept.delete(key);
    return turn;
  };
  return {
    lasting: false,
    all: async () => [...kept.values()],
    put: async (turn) => void write(turn.key, turn),
    change: async (keys, task) => keys.map((key) => write(key, task(kept.get(key), key))),
  };
}

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("pairwright", 2);
    request.onupgradeneeded = ({ oldVersion }) => upgrade(request, oldVersion);
    request.onsuccess = () => {
      // A tab with a later version of this page would wait for this one.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
}

function upgrade({ result: database, transaction }, oldVersion) {
  const turns = database.createObjectStore(TURNS, { keyPath: ["queue", "key"] });
  if (oldVersion !== 1) return;
  transaction.objectStore(EARLIER).getAll().onsuccess = ({ target }) => {
    for (const { queue, assignment, order, tried, ...said } of target.result) {
      turns.put({ queue, key: assignment.id, assignment, said, given: order, order, tried });
    }
    database.deleteObjectStore(EARLIER);
  };
}

function inDatabase(database, queue) {
  const all = IDBKeyRange.bound([queue], [queue, []]);
  const within = (mode, task) =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(TURNS, mode);
      const request = task(transaction.objectStore(TURNS), transaction);
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = () => reject(transaction.error);
    });
  return {
    lasting: true,
    all: () => within("readonly", (turns) => turns.getAll(all)),
    put: (turn) =>
      within("readwrite", (turns, transaction) => {
        const request = turns.put({ ...turn, queue });
        // Not once this page has heard the answer: it may be closed before.
        transaction.commit();
        return request;
      }),
    change: async (keys, task) => {
      const given = [];
      await within("readwrite", (turns) => {
        keys.forEach((key, at) => {
          turns.get([queue, key]).onsuccess = ({ target }) => {
            given[at] = task(target.result, key);
            if (given[at]) turns.put({ ...given[at], queue });
            else if (given[at] === null) turns.delete([queue, key]);
          };
        });
      });
      return given;
    },
  };
}

/** What this tab alone keeps over a reload, as JSON; for the page's life where the browser keeps nothing. */
export const tab = {
  memory: new Map(),
  get(key) {
    try {
      return this.memory.get(key) ?? JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  },
  set(key, value) {
    this.memory.set(key, value);
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden: then it ends with the page.
    }
  },
};
