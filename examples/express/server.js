const express = require('express')

const app = express()
app.set('trust proxy', 'loopback')

app.get('/', (req, res) => {
  res.json({
    hello: 'world',
    release: process.env.BERTH_RELEASE,
    url: `${req.protocol}://${req.get('host')}${req.originalUrl}`,
  })
})

app.get('/up', (req, res) => res.send('ok'))

const server = app.listen(process.env.PORT || 3000, process.env.HOST || '127.0.0.1')

process.on('SIGTERM', () => server.close())
