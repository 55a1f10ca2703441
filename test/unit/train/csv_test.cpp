#include "runtime/train/data/csv.h"

#include "support.h"

namespace nnc::train::test {
namespace {

RawTable parsedCsv(const std::string& text, const CsvSettings& settings = {}) {
  return parseCsv(bufferOf(text), "t.csv", settings);
}

RawField columns(const RawTable& table, const char* name, const char* first, const char* last, DType dtype,
                 bool scalar) {
  return numericColumns(table, name, columnRange(table, first, last), dtype, scalar);
}

std::string errorInCsv(const std::string& text) {
  return errorOf([&] { parsedCsv(text); });
}

TEST(Csv, ColumnsAreIntegerFloatOrText) {
  const RawTable table = parsedCsv("n,x,name\n1,2.5,a\n-3,4,b\n");
  EXPECT_EQ(table.rows, 2u);
  EXPECT_EQ(table.at("n").dtype, DType::I64);
  EXPECT_EQ(elementAsInt(DType::I64, table.at("n").data, 1), -3);
  EXPECT_EQ(table.at("x").dtype, DType::F64);
  EXPECT_EQ(elementAsDouble(DType::F64, table.at("x").data, 1), 4);
  EXPECT_EQ(table.at("name").strings, (std::vector<std::string>{"a", "b"}));
}

TEST(Csv, WholeNumbersAreNotRoundedUnasked) {
  const RawTable table = parsedCsv("id,x\n16777216,16777217.0\n16777217,1e-400\n");
  EXPECT_EQ(errorOf([&] { columns(table, "id", "id", "id", DType::F32, true); }),
            "t.csv: row 2, column `id`: f32 rounds 16777217; `let whole: i64 = raw[\"id\"]` in the data block, or f64, "
            "reads it as it is");
  EXPECT_EQ(elementAsDouble(DType::F64, columns(table, "id", "id", "id", DType::F64, true).row(1), 0), 16777217);
  EXPECT_EQ(elementAsDouble(DType::F32, columns(table, "x", "x", "x", DType::F32, true).row(1), 0), 0);
}

TEST(Csv, LeadingZerosMakeNamesOfNumbers) {
  const RawTable table = parsedCsv("zip,n\n01,0\n1,-10\n09007199254740993,3\n");
  EXPECT_EQ(table.at("zip").strings[0], "01");
  EXPECT_EQ(table.at("n").dtype, DType::I64);
  const RawField numbers = columns(table, "x", "zip", "zip", DType::I64, true);
  EXPECT_EQ(elementAsInt(DType::I64, numbers.data, 0), 1);
  EXPECT_EQ(elementAsInt(DType::I64, numbers.data, 2), 9007199254740993);
  EXPECT_EQ(elementAsDouble(DType::F32, columns(table, "y", "zip", "n", DType::F32, false).row(1), 1), -10);
}

TEST(Csv, QuotedCellsHoldSeparatorsLineEndsAndQuotes) {
  const RawTable table = parsedCsv("a,b\n\"x,y\",\"he said \"\"no\"\"\"\n\"two\nlines\",\"\"\n");
  EXPECT_EQ(table.at("a").strings, (std::vector<std::string>{"x,y", "two\nlines"}));
  EXPECT_EQ(table.at("b").strings, (std::vector<std::string>{"he said \"no\"", ""}));
}

TEST(Csv, WindowsLineEndsMarkEmptyLinesAndMissingLastLineEnd) {
  const RawTable table = parsedCsv(
      "\xEF\xBB\xBF"
      "a,b\r\n1,2\r\n\r\n3,4");
  EXPECT_EQ(table.rows, 2u);
  EXPECT_EQ(elementAsInt(DType::I64, table.at("b").data, 1), 4);
}

TEST(Csv, SeparatorAndMissingHeader) {
  const RawTable table = parsedCsv("1;2\n3;4\n", {';', false});
  EXPECT_EQ(table.rows, 2u);
  EXPECT_EQ(elementAsInt(DType::I64, table.at("1").data, 0), 2);
}

TEST(Csv, NumbersMayHaveBlanksSignsAndExponents) {
  const RawTable table = parsedCsv("x\n +1.5\n-2e3 \nnan\n");
  EXPECT_EQ(elementAsDouble(DType::F64, table.at("x").data, 0), 1.5);
  EXPECT_EQ(elementAsDouble(DType::F64, table.at("x").data, 1), -2000);
}

TEST(Csv, RaggedRowNamesItsLine) {
  EXPECT_EQ(errorInCsv("a,b\n1,2\n\n3\n"), "t.csv: line 4: has 1 cells, but the first row has 2");
}

TEST(Csv, OpenQuoteNamesTheLineWhereItOpens) {
  EXPECT_EQ(errorInCsv("a\n1\n\"x\ny\n"), "t.csv: line 3: a quote that opens here is never closed");
}

TEST(Csv, TextAfterClosingQuoteIsRefused) {
  EXPECT_EQ(errorInCsv("a\n\"x\"y\n"), "t.csv: line 2: text follows a closing quote: `y\\x0A`");
}

TEST(Csv, DoubleHeaderAndEmptyFileAreRefused) {
  EXPECT_EQ(errorInCsv("a,b,a\n1,2,3\n"), "t.csv: line 1: two columns are named `a`");
  EXPECT_EQ(errorInCsv(""), "t.csv: line 1: the file is empty; expected a header and rows");
}

TEST(Csv, ColumnRangeBecomesAVector) {
  const RawTable table = parsedCsv("id,a,b,c\n7,1,2.5,3\n8,4,5,6\n");
  const RawField field = columns(table, "x", "a", "c", DType::F32, false);
  EXPECT_EQ(field.extents, std::vector<int64_t>{3});
  EXPECT_EQ(elementAsDouble(DType::F32, field.row(0), 1), 2.5);
  EXPECT_EQ(elementAsDouble(DType::F32, field.row(1), 2), 6);
  EXPECT_TRUE(columns(table, "y", "id", "id", DType::I32, true).extents.empty());
}

TEST(Csv, CellThatIsNoNumberNamesRowAndColumn) {
  const RawTable table = parsedCsv("age\n12\n?\n");
  EXPECT_EQ(errorOf([&] { columns(table, "x", "age", "age", DType::F32, true); }),
            "t.csv: row 2, column `age`: expected a number, found `?`");
  const RawTable fractions = parsedCsv("n\n1\n1.5\n");
  for (const char* cell : {"nan", "-NaN", "inf", "1e300"})
    EXPECT_NE(errorOf([&] {
                columns(parsedCsv(std::string("n\n1\n") + cell + "\n"), "x", "n", "n", DType::F32, true);
              }).find("t.csv: row 2, column `n`: expected a finite number that fits f32"),
              std::string::npos)
        << cell;
  EXPECT_EQ(errorOf([&] { columns(fractions, "x", "n", "n", DType::I32, true); }),
            "t.csv: row 2, column `n`: expected an integer that fits i32, found 1.5");
}

TEST(Csv, UnknownColumnIsSuggested) {
  const RawTable table = parsedCsv("alcohol,ash\n1,2\n");
  EXPECT_EQ(errorOf([&] { table.at("alchol"); }),
            "t.csv: has no field `alchol` (did you mean `alcohol`?); its fields are `alcohol`, `ash`");
}

TEST(Csv, DamageIsSurvived) {
  expectDamageSurvived("a,b,name\n1,2.5,\"x \"\"q\"\"\"\n3,4e2,\"y,z\"\n",
                       [](const std::string& text) { parsedCsv(text); });
}

}  // namespace
}  // namespace nnc::train::test
