#include "runtime/train/metrics_log.h"

#include <cmath>
#include <fstream>

#include "runtime/train/plot.h"
#include "support.h"

namespace nnc::train::test {
namespace {

LogRecord record(int64_t step, const std::string& train = "fit", const std::string& split = "train") {
  return {train, step, 1 + step / 10, split, 1.0 / static_cast<double>(step), {{"accuracy", 0.5}}};
}

TEST(MetricsLog, WritesBothFiles) {
  TempFolder folder;
  MetricsLog log(folder.path(), {"accuracy", "f1"});
  log.append(record(1));
  LogRecord bad = record(2, "fit", "valid");
  bad.loss = NAN;
  log.append(bad);
  EXPECT_EQ(content(folder / "metrics.jsonl"),
            R"({"train":"fit","step":1,"epoch":1,"split":"train","loss":1.0,"metrics":{"accuracy":0.5}})"
            "\n"
            R"({"train":"fit","step":2,"epoch":1,"split":"valid","loss":null,"metrics":{"accuracy":0.5}})"
            "\n");
  EXPECT_EQ(content(folder / "metrics.csv"),
            "train,step,epoch,split,loss,accuracy,f1\n"
            "fit,1,1,train,1,0.5,\n"
            "fit,2,1,valid,nan,0.5,\n");
}

TEST(MetricsLog, ResumeRemovesWhatTheCheckpointDoesNotKnow) {
  TempFolder folder;
  {
    MetricsLog log(folder.path(), {"accuracy"});
    for (int64_t step : {10, 20}) log.append(record(step, "pretrain"));
    for (int64_t step : {10, 20, 30}) log.append(record(step, "fit"));
    log.append(record(10, "tune"));
  }
  std::ofstream(folder / "metrics.jsonl", std::ios::app) << R"({"train":"tu)";
  {
    MetricsLog log = MetricsLog::resume(folder.path(), {"accuracy"}, "fit", 4);
    log.append(record(35));
  }
  std::vector<std::pair<std::string, int64_t>> steps;
  for (const LogRecord& r : readMetricsLog(folder / "metrics.jsonl")) steps.emplace_back(r.train, r.step);
  EXPECT_EQ(steps, (std::vector<std::pair<std::string, int64_t>>{
                       {"pretrain", 10}, {"pretrain", 20}, {"fit", 10}, {"fit", 20}, {"fit", 35}}));
  const std::string csv = content(folder / "metrics.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 6);
}

TEST(MetricsLog, ResumedFilesEqualThoseOfAnUninterruptedRun) {
  TempFolder whole, resumed;
  {
    MetricsLog log(whole.path(), {"accuracy"});
    for (int64_t step = 10; step <= 70; step += 10) log.append(record(step));
    MetricsLog broken(resumed.path(), {"accuracy"});
    for (int64_t step = 10; step <= 50; step += 10) broken.append(record(step));
  }
  MetricsLog log = MetricsLog::resume(resumed.path(), {"accuracy"}, "fit", 4);
  for (int64_t step = 30; step <= 70; step += 10) log.append(record(step));
  for (const char* name : {"metrics.jsonl", "metrics.csv"}) EXPECT_EQ(content(whole / name), content(resumed / name));
}

TEST(MetricsLog, DamagedLineIsNamed) {
  TempFolder folder;
  const std::string path = folder.write("metrics.jsonl", toJsonLine(record(1)) + "\n{\"step\": \"x\"}\n");
  EXPECT_EQ(errorOf([&] { readMetricsLog(path); }), path + ": line 2: is no record of a run: `{\"step\": \"x\"}`");
}

TEST(MetricsLog, FullDiskIsAnIoError) {
  EXPECT_THROW(MetricsLog("/nonexistent", {}), IoError);
}

TEST(Plot, PanelsForWhatTheRecordsHave) {
  const auto panels = panelsOf({{"a", {record(1), record(2), record(2, "fit", "valid")}}});
  ASSERT_EQ(panels.size(), 2u);
  EXPECT_EQ(panels[0].title, "loss");
  EXPECT_EQ(panels[0].lines.size(), 2u);
  EXPECT_EQ(panels[1].title, "accuracy");
  EXPECT_EQ(panelsOf({{"a", {record(1), record(1, "tune")}}})[0].lines[1].name, "tune train");
  const auto two = panelsOf({{"a", {record(1), record(2, "fit", "valid")}}, {"b", {record(1)}}});
  ASSERT_EQ(two[0].lines.size(), 2u) << "a line for each run";
  EXPECT_EQ(two[0].lines[0].name, "a");
  EXPECT_EQ(two[0].lines[0].points.size(), 1u) << "validation only, where there is one";
  EXPECT_EQ(two[0].lines[1].name, "b");
}

TEST(Plot, SvgSurvivesNanSinglePointsAndManyPoints) {
  PlotLine many{"many <&>", {}};
  for (int i = 0; i < 100000; ++i) many.points.emplace_back(i, i == 777 ? 1e6 : std::sin(i));
  const std::string svg = renderSvg({{"a", "step", {many, {"one", {{5, 5}}}}},
                                     {"b", "step", {{"nan", {{1, NAN}, {2, 3}, {3, NAN}, {4, 5}, {5, 6}}}}},
                                     {"c", "step", {}}});
  EXPECT_LT(svg.size(), 60000u);
  EXPECT_EQ(svg.find("nan "), std::string::npos);
  EXPECT_NE(svg.find("many &lt;&amp;&gt;"), std::string::npos);
  EXPECT_NE(svg.find("<circle"), std::string::npos);
  EXPECT_EQ(svg.substr(svg.size() - 7), "</svg>\n");
}

TEST(Plot, TicksAreRound) {
  EXPECT_EQ(axisTicks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_LE(axisTicks(1e16, 1e16 + 4, 5).size(), 11u);
}

}  // namespace
}  // namespace nnc::train::test
