// nn fmt, nn plot: commands that look at files and run nothing.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "frontend/format.h"
#include "frontend/parse.h"
#include "runtime/train/metrics_log.h"
#include "runtime/train/plot.h"
#include "tools/nn/commands.h"

namespace nnc::tools {

Command declareFmt(CLI::App& app) {
  struct Arguments {
    std::vector<std::string> files;
    bool check = false;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("files", a->files, ".nn files, formatted in place; - reads standard input")->required();
  app.add_flag("--check", a->check, "write nothing; exit 1 if a file is not formatted");
  return [a] {
    int code = kExitOk;
    for (const std::string& file : a->files) {
      std::string text = readWholeFile(file == "-" ? "/dev/stdin" : file);
      SourceManager sources;
      Diagnostics diagnostics(sources);
      std::optional<std::string> formatted = formatFile(sources.add(file, text), sources, diagnostics);
      report(diagnostics);
      if (!formatted) {
        code = kExitSource;
      } else if (a->check) {
        if (*formatted != text) {
          fmt::print("{}\n", file);
          code = kExitSource;
        }
      } else if (file == "-" || *formatted != text) {
        writeWholeFile(file, *formatted);
      }
    }
    return code;
  };
}

/// What the runs are called in a picture: by the last folder of their paths, or by the paths where those are alike.
static std::vector<std::string> runNames(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const std::string& folder : folders)
    names.push_back((std::filesystem::path(folder) / "").parent_path().filename().string());
  return std::set(names.begin(), names.end()).size() == names.size() ? names : folders;
}

Command declarePlot(CLI::App& app) {
  struct Arguments {
    std::vector<std::string> folders;
    std::string output;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("runs", a->folders, "folders of runs; several are drawn into one picture")->required();
  app.add_option("-o", a->output, "SVG file (default: curves.svg in the first folder)");
  return [a] {
    std::vector<train::PlotRun> runs;
    const std::vector<std::string> names = runNames(a->folders);
    if (std::set(names.begin(), names.end()).size() < names.size()) throw UsageError{"a run is given twice"};
    for (size_t i = 0; i < names.size(); ++i)
      runs.push_back({names[i], train::readMetricsLog(a->folders[i] + "/metrics.jsonl")});
    writeWholeFile(a->output.empty() ? a->folders[0] + "/curves.svg" : a->output,
                   train::renderSvg(train::panelsOf(runs)));
    return static_cast<int>(kExitOk);
  };
}

}  // namespace nnc::tools
