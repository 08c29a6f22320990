// What a program does with node-postgres, printed step by step; see psycopg/main.py. NODE_PATH says where pg is.
'use strict'
const { Client, Pool, types } = require('pg')
const Cursor = require('pg-cursor')

const schemas = process.env.MODEL_SCHEMAS === '1'
const q = (text) => (schemas ? text.replace(/predict\('(\w+)'/g, "m_$1.predict('$1'") : text)
const show = (step, value) => console.log(`${step}: ${JSON.stringify(value)}`)

async function basics (client) {
  const r = await client.query(q("SELECT id, predict('double', k) AS p, name FROM item ORDER BY id LIMIT 5"))
  show('fields', r.fields.map((f) => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format]))
  show('rows', r.rows)
  show('tag', [r.command, r.rowCount])
  show('parameters', (await client.query(q("SELECT predict('double', $1) AS d, predict('shout', $2) AS s"), [21, 'é'])).rows)
  show('filter', (await client.query(q("SELECT id FROM item WHERE predict('double', k) = $1 AND id < $2 ORDER BY id"), [6, 40])).rows)
  show('array mode', (await client.query({ text: q("SELECT predict('bucket', k), k FROM tag ORDER BY label"), rowMode: 'array' })).rows)
  const many = await client.query(q("SELECT 1 AS a; SELECT predict('double', 4); SELECT 2 AS b"))
  show('many', many.map((m) => m.rows))
  show('null', (await client.query(q("SELECT predict('double', $1::int)"), [null])).rows)
  const typed = q("SELECT predict('id_timestamptz', tz), predict('id_jsonb', jb), predict('id_float8s', af), predict('id_texts', at), predict('id_bytea', by), predict('id_numeric', n), predict('id_bool', yes) FROM item ORDER BY id LIMIT 3")
  show('types', (await client.query({ text: typed, rowMode: 'array' })).rows)
  show('binary', (await client.query({ text: q("SELECT predict('double', k), id FROM item ORDER BY id LIMIT 3"), values: [], binary: true })).rows)
}

async function prepared (client) {
  for (let i = 0; i < 4; i++) {
    show(`named ${i}`, (await client.query({ name: 'twice', text: q("SELECT predict('add', k, $1), name FROM item WHERE id = $2"), values: [i, i + 1] })).rows)
  }
  const all = await Promise.all([1, 2, 3, 4].map((i) => client.query(q("SELECT predict('double', $1) AS p"), [i])))
  show('queued', all.map((r) => r.rows[0].p))
}

async function transactions (client) {
  await client.query('BEGIN')
  await client.query('CREATE TEMP TABLE work (id int, p int)')
  await client.query('INSERT INTO work VALUES ($1, $2)', [1, 10])
  show('inside', (await client.query(q("SELECT predict('double', p) FROM work"))).rows)
  for (const text of ["SELECT predict('double', nocolumn) FROM item", "SELECT predict('double', 1)"]) {
    try {
      await client.query(q(text))
    } catch (e) {
      show('error', [e.code, e.message, e.severity])
    }
  }
  await client.query('ROLLBACK')
  show('after', (await client.query(q("SELECT predict('double', 3)"))).rows)
}

async function cursor (client) {
  const cur = client.query(new Cursor(q("SELECT id, predict('double', k) AS p FROM item WHERE id <= $1 ORDER BY id"), [25]))
  const counts = []
  for (;;) {
    const rows = await cur.read(10)
    counts.push([rows.length, rows.length ? rows[rows.length - 1] : null])
    if (rows.length === 0) break
  }
  show('cursor', counts)
  await cur.close()
  const early = client.query(new Cursor(q("SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id")))
  show('closed early', await early.read(2))
  await early.close()
  show('after the cursor', (await client.query(q("SELECT predict('double', 9)"))).rows)
}

async function notify (client) {
  const heard = new Promise((resolve) => client.on('notification', (n) => resolve([n.channel, n.payload])))
  await client.query('LISTEN spoken')
  await client.query("SELECT pg_notify('spoken', 'hello')")
  show('notify', await heard)
}

async function pool () {
  const p = new Pool({ max: 4 })
  const rows = await Promise.all([...Array(20).keys()].map((i) => p.query(q("SELECT predict('double', $1) AS p"), [i])))
  show('pool', rows.map((r) => r.rows[0].p))
  await p.end()
}

async function main () {
  types.setTypeParser(1114, (v) => v)
  const client = new Client()
  await client.connect()
  for (const step of [basics, prepared, transactions, cursor, notify]) {
    console.log(`--- ${step.name}`)
    await step(client)
  }
  await client.end()
  console.log('--- pool')
  await pool()
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})
