# Compiles many cases with the installed Puppet in one process (starting Puppet costs seconds).
#
#   ruby oracle.rb CASE-DIRECTORY…
#
# prints one JSON object a line: {"case", "catalog" | "error", "logs": [[level, message], …]}.
# A case directory holds site.pp (or manifests/), and may hold modules/, facts.json (fact values) and
# node.json ({"certname": …}). The result for a case is what `puppet catalog compile` prints for it; the
# flag --check-against-cli compiles the cases both ways and fails when they differ (as facts_variables does: the command
# line names the machine it runs on as server).

require 'json'
require 'tmpdir'
require 'puppet'

class CollectedLogs
  attr_reader :lines
  def initialize
    @lines = []
  end

  def handle(msg)
    return if msg.level == :debug || msg.level == :info
    return if msg.message =~ /\ACompiled catalog for /

    text = msg.message.to_s
    place = Puppet::Util::Errors.error_location(msg.file, msg.line, msg.pos)
    text = "#{text} #{place}" unless place.empty? || text.end_with?(place)
    source = msg.source.to_s
    text = "#{source}: #{text}" unless source == 'Puppet' || source.empty?
    @lines << [msg.level.to_s, text]
  end
end

Puppet::Util::Log.newdesttype :collected do
  match 'CollectedLogs'
  def initialize(sink)
    @sink = sink
  end

  def handle(msg)
    @sink.handle(msg)
  end
end

def settings(directory)
  node_file = File.join(directory, 'node.json')
  node = File.exist?(node_file) ? JSON.parse(File.read(node_file)) : {}
  facts_file = File.join(directory, 'facts.json')
  facts = File.exist?(facts_file) ? JSON.parse(File.read(facts_file)) : {}
  manifest = File.join(directory, 'site.pp')
  manifest = File.join(directory, 'manifests') unless File.exist?(manifest)
  { certname: node['certname'] || 'node.example.com', facts: facts, manifest: manifest,
    modules: File.join(directory, 'modules') }
end

SERVER_FACTS = { 'serverversion' => Puppet.version, 'servername' => 'server.example.com',
                 'serverip' => '192.0.2.1' }.freeze

def compile(directory)
  given = settings(directory)
  logs = CollectedLogs.new
  Puppet::Util::Log.close_all
  Puppet::Util::Log.newdestination(logs)
  environment = Puppet::Node::Environment.create(:production, [given[:modules]], given[:manifest])
  answer = { 'case' => File.basename(directory) }
  Puppet.override(current_environment: environment, environments: Puppet::Environments::Static.new(environment)) do
    facts = Puppet::Node::Facts.new(given[:certname], given[:facts])
    node = Puppet::Node.new(given[:certname], facts: facts, environment: environment)
    node.merge(facts.values)
    node.add_server_facts(SERVER_FACTS)
    node.trusted_data = { 'authenticated' => 'local', 'certname' => given[:certname], 'extensions' => {},
                          'hostname' => given[:certname].split('.', 2)[0],
                          'domain' => given[:certname].split('.', 2)[1], 'external' => {} }
    begin
      # The compiler's terminus drops what stayed virtual, exported resources too.
      catalog = Puppet::Parser::Compiler.compile(node).filter(&:virtual?)
      answer['catalog'] = JSON.parse(JSON.generate(catalog.to_data_hash))
    rescue StandardError => e
      answer['error'] = e.to_s
      logs.lines.reject! { |level, _| level == 'err' }
    ensure
      Puppet::Type.clear_misses
    end
  end
  answer['logs'] = logs.lines
  Puppet::Util::Log.close_all
  answer
end

def start(scratch)
  confdir = File.join(scratch, 'conf')
  vardir = File.join(scratch, 'var')
  [confdir, vardir, "#{vardir}/yaml", "#{vardir}/yaml/facts", "#{vardir}/yaml/node"].each { |d| Dir.mkdir(d) }
  Puppet.initialize_settings(['--confdir', confdir, '--vardir', vardir, '--environment', 'production'])
  Puppet.settings.preferred_run_mode = :server
  [confdir, vardir]
end

# What the command line prints, with facts from the YAML terminus.
def compile_by_command_line(directory, confdir, vardir)
  given = settings(directory)
  facts = Puppet::Node::Facts.new(given[:certname], given[:facts])
  File.write(File.join(vardir, 'yaml/facts', "#{given[:certname]}.yaml"), facts.to_yaml)
  IO.popen(['puppet', 'catalog', 'compile', given[:certname], '--manifest', given[:manifest], '--modulepath',
            given[:modules], '--confdir', confdir, '--vardir', vardir, '--facts_terminus', 'yaml',
            '--log_level', 'err', '--color', 'false', { err: %i[child out] }], &:read)
end

def comparable(catalog)
  %w[version catalog_uuid code_id].each { |key| catalog.delete(key) }
  catalog
end

def check(directories, confdir, vardir)
  different = directories.reject do |directory|
    ours = compile(directory)
    theirs = compile_by_command_line(directory, confdir, vardir)
    if ours['error']
      theirs.include?(ours['error'])
    else
      start_of_json = theirs.index("{\n")
      start_of_json && comparable(ours['catalog']) == comparable(JSON.parse(theirs[start_of_json..]))
    end
  end
  different.each { |directory| warn "differs from the command line: #{directory}" }
  exit(different.empty? ? 0 : 1)
end

Dir.mktmpdir do |scratch|
  confdir, vardir = start(scratch)
  arguments = ARGV.dup
  if arguments.delete('--check-against-cli')
    check(arguments, confdir, vardir)
  else
    arguments.each do |directory|
      puts JSON.generate(compile(directory.chomp('/')))
      $stdout.flush
    end
  end
end
