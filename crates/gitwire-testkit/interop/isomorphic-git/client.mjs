// Clones from or pushes to a URL with isomorphic-git, which reads pkt-lines, side-bands and packs with code of its own.
//
// usage: client.mjs clone URL GITDIR
//        client.mjs push URL GITDIR REF:REF|:REF...

import fs from 'node:fs'
import git from 'isomorphic-git'
import http from 'isomorphic-git/http/node'

const [command, url, gitdir, ...refspecs] = process.argv.slice(2)

if (command === 'clone') {
  await git.clone({ fs, http, url, gitdir, dir: gitdir, noCheckout: true })
} else if (command === 'push') {
  for (const refspec of refspecs) {
    const [ref, remoteRef] = refspec.split(':')
    // It wants a ref of this side to be there even where the other side's goes.
    const what = ref ? { ref, remoteRef } : { ref: 'HEAD', remoteRef, delete: true }
    const told = await git.push({ fs, http, url, gitdir, ...what })
    if (!told.ok || told.error) throw new Error(`${refspec}: ${JSON.stringify(told)}`)
  }
} else {
  throw new Error(`no such command: ${command}`)
}
