// Fills a registry with many documents, for the pages that show many: groups of products with
// indexed fields and words, kits that refer to them, and a kit with 500 names around it.

const WORDS = ["amber", "brass", "copper", "delta", "ember", "flint", "granite", "harbour", "indigo", "jasper",
  "kestrel", "linen", "marble", "nectar", "onyx", "pewter", "quartz", "russet", "saffron", "tundra"];

/** How many groups the documents are in. */
export const SHOPS = 40;

const BATCH_DOCUMENTS = 2_000;

/** How many boxes a drawing has at most. */
export const DRAWN_MAX = 500;

const HUB_PARTS = DRAWN_MAX + 20;

/** A document to look at among the many. */
export const PRODUCT = "/shops/shop_07/products/product_0000007";

/** The kit that hundreds of products are parts of. */
export const HUB = "/kits/all/entries/hub";

const model = {
  shops: {
    singular: "shop",
    resources: {
      products: {
        singular: "product",
        labels: {
          "muster.indexed": JSON.stringify([
            { field: "/title", type: "string", title: "TITLE" },
            { field: "/colour", type: "string", title: "COLOUR" },
            { field: "/price", type: "decimal", title: "PRICE" },
            { field: "/stock", type: "integer", title: "STOCK" },
            { field: "/tags/*", type: "string" },
          ]),
        },
      },
    },
  },
  kits: {
    singular: "kit",
    resources: {
      entries: {
        singular: "entry",
        labels: { "muster.references": JSON.stringify([{ field: "/parts/*", collection: "/shops/products" }]) },
      },
    },
  },
};

const word = (n, step) => WORDS[Math.floor(n / step) % WORDS.length];
const shopOf = (n) => `shop_${String(n % SHOPS).padStart(2, "0")}`;

function product(n) {
  const id = `product_${String(n).padStart(7, "0")}`;
  const value = {
    title: `${word(n, 1)} ${word(n, 20)} lamp ${n}`,
    colour: word(n, 3),
    price: Number(`${n % 997}.${String(n % 100).padStart(2, "0")}`),
    stock: n % 250,
    tags: [word(n, 7), word(n, 11)],
    about: `A ${word(n, 2)} lamp on a ${word(n, 5)} foot, for rooms with ${word(n, 13)} walls.`,
  };
  return document(`/shops/${shopOf(n)}/products/${id}`, value);
}

/** A part of the hub: its name is as long as names of generated documents are. */
const partName = (n) => `/shops/parts/products/a_part_with_a_rather_long_name_${String(n).padStart(3, "0")}`;

function document(xid, value) {
  return { xid, text: JSON.stringify(value), attributes: { contenttype: "application/json" } };
}

/** Puts the documents and returns how long it took, in milliseconds. */
export async function seed(base, count) {
  const begun = performance.now();
  const source = await (await fetch(`${base}/api/modelsource`)).json();
  await apply(base, { model: { ...source, groups: { ...source.groups, ...model } } });
  for (let from = 0; from < count; from += BATCH_DOCUMENTS) {
    const length = Math.min(BATCH_DOCUMENTS, count - from);
    await apply(base, { documents: Array.from({ length }, (_, n) => product(from + n)) });
  }
  const parts = Array.from({ length: HUB_PARTS }, (_, n) => partName(n));
  await apply(base, { documents: parts.map((xid, n) => document(xid, { title: `part ${n}`, stock: n })) });
  await apply(base, { documents: [document(HUB, { parts }), document("/kits/all/entries/one", { parts: [PRODUCT] })] });
  return performance.now() - begun;
}

async function apply(base, plan) {
  const body = JSON.stringify(plan);
  const answer = await fetch(`${base}/apply`, { method: "POST", body, headers: { "content-type": "application/json" } });
  if (!answer.ok) throw new Error(`POST /apply: ${answer.status} ${(await answer.text()).slice(0, 400)}`);
  await answer.arrayBuffer();
}
