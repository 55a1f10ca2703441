# cmake -DTEXTS=a.nn;b.nn -DOUT=file.cpp -P embed.cmake: a source file with the texts as raw string literals. A literal may
# not be longer than 64 KiB everywhere, so a text is cut into pieces of whole characters.
set(code "#include \"stdlib/stdlib.h\"\n\nnamespace nnc {\n\nconst std::vector<StdlibFile>& stdlibFiles() {\n  static const std::vector<StdlibFile> files = {\n")
foreach(path IN LISTS TEXTS)
  get_filename_component(name ${path} NAME)
  file(READ ${path} text)
  string(APPEND code "      {\"${name}\", R\"nn(${text})nn\"},\n")
endforeach()
string(APPEND code "  };\n  return files;\n}\n\n}  // namespace nnc\n")
file(WRITE ${OUT} "${code}")
