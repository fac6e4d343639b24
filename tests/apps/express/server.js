const express = require('express')
const { readFileSync } = require('fs')

const version = readFileSync(`${__dirname}/version.txt`, 'utf8').trim()
const app = express()
app.set('trust proxy', 'loopback')
app.get(['/', '/version'], (req, res) => res.type('text').send(version))
app.get('/request', (req, res) => res.json({ scheme: req.protocol, client: req.ip }))

const server = app.listen(process.env.PORT, process.env.HOST)
process.on('SIGTERM', () => server.close())
