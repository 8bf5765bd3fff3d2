node 'other' { notify { 'other': } }
node 'node.example.com' { notify { 'exact': } }
node /node/ { notify { 'regex': } }
node default { notify { 'default': } }
