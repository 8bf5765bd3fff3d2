define d { notify { "inner ${title}": } include k }
class k { notify { 'k': } }
@d { 'a': }
@d { 'b': }
realize D['b']
