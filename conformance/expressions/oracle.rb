# Evaluates manifests with the installed Puppet, all in one process. Reads one JSON string per line, answers with
# one JSON object per line: the notices, or the error.
require 'json'
require 'puppet'
require 'puppet_pal'
require 'tmpdir'

work = Dir.mktmpdir
at_exit { FileUtils.remove_entry(work) }
Puppet.initialize_settings(['--confdir', File.join(work, 'etc'), '--vardir', File.join(work, 'var')])
Puppet[:strict] = :warning

NOTICES = []
Puppet::Util::Log.newdesttype(:expressions) do
  match 'Collect'
  def initialize(_); end
  def handle(message)
    NOTICES << message.message if message.level == :notice
  end
end
class Collect; end
Puppet::Util::Log.newdestination(Collect.new)

facts = { 'networking' => { 'fqdn' => 'node.example.com' }, 'os' => { 'family' => 'Debian' } }
$stdout.sync = true
Puppet::Pal.in_tmp_environment('production', modulepath: [], facts: facts) do |pal|
  pal.with_catalog_compiler do |compiler|
    # The settings that a server has; this interface makes them stricter.
    Puppet[:strict] = :warning
    Puppet[:strict_variables] = false
    $stdin.each_line do |line|
      NOTICES.clear
      answer = {}
      begin
        compiler.evaluate_string(JSON.parse("[#{line}]")[0])
      rescue StandardError, UncaughtThrowError => error
        answer['error'] = error.message
      end
      answer['notices'] = NOTICES.dup
      puts JSON.generate(answer)
    end
  end
end
