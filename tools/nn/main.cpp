// nn: trains, evaluates and uses networks described in .nn files.
#include <fmt/format.h>
#include <algorithm>
#include <csignal>
#include <map>

#include "ir/diagnostic.h"
#include "tools/nn/commands.h"

int main(int argc, char** argv) {
  using namespace nnc::tools;
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond its limit is an error of write, like a full disk
  CLI::App app("nn: trains, evaluates and uses networks described in .nn files");
  app.require_subcommand(1);
  app.set_version_flag("--version", versionText());
  struct Entry {
    const char* name;
    const char* help;
    Command (*declare)(CLI::App&);
  };
  const Entry entries[] = {
      {"train", "train a model on its data", declareTrain},
      {"eval", "loss and metrics of weights over a split", declareEval},
      {"predict", "call an exported function", declarePredict},
      {"check", "gradients against finite differences", declareCheck},
      {"bench", "time of each kernel", declareBench},
      {"summary", "layers with their outputs and parameters", declareSummary},
      {"fmt", "format a .nn file", declareFmt},
      {"doc", "what the library says of a name", declareDoc},
      {"plot", "curves of runs as SVG", declarePlot},
  };
  std::map<CLI::App*, Command> commands;
  std::vector<std::string> names;
  for (const Entry& e : entries) {
    CLI::App* sub = app.add_subcommand(e.name, e.help);
    commands[sub] = e.declare(*sub);
    names.emplace_back(e.name);
  }
  const std::string wanted = argc > 1 ? argv[1] : "-";
  if (!wanted.starts_with('-') && std::ranges::find(names, wanted) == names.end()) {
    const std::string nearest = nnc::nearestName(wanted, names);
    fmt::print(stderr, "nn: there is no command `{}`{}\n", wanted,
               nearest.empty() ? "; `nn --help` lists them" : fmt::format("; did you mean `{}`?", nearest));
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kExitOk : kExitUsage;
  }
  return guarded("nn", commands.at(app.get_subcommands().front()));
}
