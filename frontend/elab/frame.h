// A frame is a graph under construction: the body of an entry, or a region inside one. Values of an outer frame come
// into a region as arguments; this is where they are caught, and where assigned cells become carries.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "frontend/elab/scope.h"
#include "ir/builder.h"

namespace nnc::elab {

struct Frame {
  Frame(Frame* parent, Builder::Refuse refuse) : parent(parent), builder(graph, std::move(refuse)) {}
  Frame(const Frame&) = delete;

  struct CellEntry {
    Val outer;  // the value in the parent's frame when it was first touched here
    Val entry;  // the same as arguments of this region
    Val current;
    bool assigned = false;
    bool local = false;  // a var of this frame itself: no carry
    Loc at;              // the last assignment
  };

  Frame* parent;
  Graph graph;
  Builder builder;
  std::map<std::pair<std::string, std::string>, Value> leaves;  // by kind and name
  std::map<Value, Value> captures;                              // parent's value → argument
  std::vector<std::pair<Value, Value>> captureList;             // the same, in order
  std::map<Cell*, CellEntry> cells;
  std::vector<Cell*> cellOrder;
  Value loopIndex;  // of a loop's body: its number, part of every random key drawn in it
  Dim loopCount;    // of its rounds
  std::vector<std::unique_ptr<Frame>> owned;

  /// A new frame that lives as long as this one: values of it may be referred to after it is done.
  Frame& own(Frame* itsParent) { return *owned.emplace_back(std::make_unique<Frame>(itsParent, builder.refuse())); }

  CellEntry* find(Cell* cell) {
    auto it = cells.find(cell);
    return it == cells.end() ? nullptr : &it->second;
  }
  CellEntry& enter(Cell* cell, CellEntry entry) {
    cellOrder.push_back(cell);
    return cells[cell] = std::move(entry);
  }
  bool isInside(const Frame* other) const {
    for (const Frame* f = this; f; f = f->parent)
      if (f == other) return true;
    return false;
  }
};

}  // namespace nnc::elab
