#include "frontend/lex.h"

#include <fmt/format.h>

#include <algorithm>

namespace nnc {
namespace {

constexpr size_t kMaxFileBytes = 1u << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// What is no text: a NUL and other bytes that a terminal may obey.
bool isControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f;
}

bool readable(std::string_view text, uint32_t fileId, SyntaxErrors& errors) {
  if (text.size() > kMaxFileBytes) {
    errors.report(DiagCode::FileTooLarge, {fileId, 1, 1, 1},
                  fmt::format("the file has {} bytes; at most {} are read", text.size(), kMaxFileBytes));
    return false;
  }
  const auto bad = firstBadUtf8(text);
  const auto* control = std::find_if(text.begin(), text.end(), isControl);
  if (!bad && control != text.end())
    errors.report(
        DiagCode::UnexpectedCharacter, Places(fileId, text, 0).atByte(static_cast<size_t>(control - text.begin())),
        fmt::format("the control character 0x{:02x} stands in the text", static_cast<unsigned char>(*control)));
  if (!bad) return control == text.end();
  errors
      .report(DiagCode::BadUtf8, Places(fileId, text, 0).atByte(*bad),
              fmt::format("the byte 0x{:02x} is not valid UTF-8", static_cast<unsigned char>(text[*bad])))
      .help("save the file as UTF-8");
  return false;
}

}  // namespace

LexedFile::LexedFile(uint32_t fileId, std::string_view text, size_t skipped)
    : places(fileId, text, skipped), input(std::string(text)), lexer(&input) {
  lexer.removeErrorListeners();
  tokens = lexer.getAllTokens();
}

std::unique_ptr<LexedFile> lexFile(uint32_t fileId, const SourceManager& sources, SyntaxErrors& errors) {
  std::string_view text = sources.text(fileId);
  const size_t skipped = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  text.remove_prefix(skipped);
  if (!readable(text, fileId, errors)) return nullptr;
  auto lexed = std::make_unique<LexedFile>(fileId, text, skipped);
  if (!prepareLines(lexed->tokens, lexed->places, errors)) return nullptr;
  return lexed;
}

}  // namespace nnc
