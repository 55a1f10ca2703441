#include "fixture.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <sstream>

namespace nnc::test {
namespace {

DType dtypeOf(const std::string& text) {
  return text == "i32" ? DType::I32 : text == "bool" ? DType::Bool : DType::F32;
}

/// "[2,3] 0.5 …", as many numbers as the shape says.
Tensor tensorOf(std::istream& in, DType dtype) {
  std::string dims;
  in >> dims;
  std::vector<int64_t> shape;
  std::istringstream parts(dims.substr(1, dims.size() - 2));
  for (std::string d; std::getline(parts, d, ',');) shape.push_back(std::stoll(d));
  Tensor t = Tensor::zeros(dtype, shape);
  std::string word;
  for (int64_t i = 0; i < t.size() && in >> word; ++i)
    if (isFloat(dtype))
      t.floats[i] = std::stod(word);
    else
      t.ints[i] = std::stoll(word);
  EXPECT_TRUE(static_cast<bool>(in)) << "too few numbers for " << dims;
  EXPECT_FALSE(in >> word) << "too many numbers for " << dims;
  return t;
}

const std::map<std::string, Expected::Kind> kKinds = {{"value", Expected::Kind::Value},
                                                      {"state", Expected::Kind::State},
                                                      {"gradient", Expected::Kind::Gradient},
                                                      {"second", Expected::Kind::Second}};

void readLine(const std::string& text, FixtureFile& file) {
  std::istringstream in(text);
  std::string word;
  in >> word;
  if (word == "|") {
    file.program += text.size() > 2 ? text.substr(2) + "\n" : "\n";
  } else if (word == "case") {
    Case& c = file.cases.emplace_back();
    in >> c.name >> c.steps >> std::ws;
    std::getline(in, c.expression);
  } else if (word == "rough") {
    file.cases.back().rough = true;
  } else if (word == "in") {
    std::string leaf, dtype;
    in >> leaf >> dtype;
    file.cases.back().inputs.emplace_back(leaf, tensorOf(in, dtypeOf(dtype)));
  } else if (kKinds.contains(word)) {
    Expected e{kKinds.at(word), {}, {}, {}};
    if (e.kind == Expected::Kind::Gradient || e.kind == Expected::Kind::Second) in >> e.leaf;
    in >> e.output;
    e.tensor = tensorOf(in, DType::F64);
    file.cases.back().expected.push_back(std::move(e));
  } else if (word != "#") {
    ADD_FAILURE() << "not a line of a fixture: " << text;
  }
}

}  // namespace

FixtureFile readFixtures(const std::string& area) {
  std::ifstream in(fmt::format("{}/test/library/fixtures/{}.txt", NNC_SOURCE_DIR, area));
  EXPECT_TRUE(in) << "no fixtures of " << area;
  FixtureFile file;
  for (std::string text; std::getline(in, text);) readLine(text, file);
  return file;
}

}  // namespace nnc::test
