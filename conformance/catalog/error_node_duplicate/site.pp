node "a" { }
node "a" { }
node default { }
