// Mistakes in time and place: phases, buffers, lifetimes, what a launch is bound to.
#include <algorithm>

#include "test/unit/plan/mutant.h"

namespace nnc::plan {
namespace {

/// A buffer that one launch makes and a later phase reads: the launch's place and one of its readers.
struct Flow {
  BufId buffer = 0;
  Place from, to;
};

std::vector<Flow> flows(const Mutant& m, bool adjacent) {
  std::vector<Flow> list;
  const Entry& e = m.entry;
  for (BufId b = 0; b < e.buffers.size(); ++b) {
    if (e.buffers[b].role != Role::Arena || m.isSlice(b) || m.writers(b) != 1 || m.count(b) == 0) continue;
    Flow flow{b, {}, {}};
    for (size_t p = 0; p < e.phases.size(); ++p)
      for (size_t i = 0; i < e.phases[p].launches.size(); ++i)
        if (m.writes(e.phases[p].launches[i], b)) flow.from = {p, i};
    for (size_t p = flow.from.phase + 1; p < e.phases.size(); ++p)
      for (size_t i = 0; i < e.phases[p].launches.size(); ++i) {
        flow.to = {p, i};
        const bool next = m.stepOf(p) == m.stepOf(flow.from.phase) + 1;
        if (m.reads(e.phases[p].launches[i], b) && (next || !adjacent)) list.push_back(flow);
      }
  }
  return list;
}

bool atSomeFlow(Mutant& m, bool adjacent, const std::function<bool(const Flow&)>& fits,
                const std::function<void(const Flow&)>& change) {
  std::vector<Flow> list = flows(m, adjacent);
  std::erase_if(list, [&](const Flow& f) { return !fits(f); });
  if (list.empty()) return false;
  const Flow flow = list[m.below(list.size())];
  m.note += "  b" + std::to_string(flow.buffer) + "\n";
  change(flow);
  return true;
}

void move(Mutant& m, Place from, size_t phase) {
  auto& launches = m.entry.phases[from.phase].launches;
  Launch launch = launches[from.launch];
  launches.erase(launches.begin() + static_cast<std::ptrdiff_t>(from.launch));
  m.entry.phases[phase].launches.push_back(std::move(launch));
}

bool any(const Flow&) {
  return true;
}

/// Binds an operand of a random launch, read or written, to another buffer of its element type with a given role.
bool rebind(Mutant& m, bool output, Role role) {
  const auto wrong = [&](BufId old) {
    std::vector<BufId> list;
    for (BufId b = 0; b < m.entry.buffers.size(); ++b)
      if (b != old && m.entry.buffers[b].role == role &&
          m.entry.buffers[b].type.dtype == m.entry.buffers[old].type.dtype && m.count(b) >= m.count(old))
        list.push_back(b);
    return list;
  };
  const auto slot = [&](const Launch& l) {
    const size_t inputs = l.bind.size() - m.kernelOf(l).outputs;
    return output ? inputs : inputs == 0 ? l.bind.size() : 0;
  };
  Launch* launch =
      m.pickLaunch([&](const Launch& l) { return slot(l) < l.bind.size() && !wrong(l.bind[slot(l)]).empty(); });
  if (!launch) return false;
  BufId& b = launch->bind[slot(*launch)];
  const std::vector<BufId> list = wrong(b);
  b = list[m.below(list.size())];
  return true;
}

/// A buffer that several plain stores make up, each element by one: one of the launches that write it, and the store.
struct PieceOf {
  Place place;
  BufId buffer = 0;
  Store* store = nullptr;
};

std::vector<PieceOf> pieces(Mutant& m, BufId b) {
  std::vector<PieceOf> list;
  int64_t points = 0;
  for (size_t p = 0; p < m.entry.phases.size(); ++p)
    for (size_t i = 0; i < m.entry.phases[p].launches.size(); ++i) {
      const Launch& launch = m.entry.phases[p].launches[i];
      for (Stage& stage : m.kernelOf(launch).stages)
        for (Store& store : stage.stores) {
          if (launch.bind[store.operand] != b) continue;
          if (!store.guards.empty() || store.accumulate || !isPlain(store.index)) return {};
          points += m.points(m.kernelOf(launch), stage);
          list.push_back({{p, i}, b, &store});
        }
    }
  const Role role = m.entry.buffers[b].role;
  const bool wanted = (role == Role::Arena && m.readers(b) > 0) || role == Role::Output;
  const bool exact = list.size() > 1 && points == m.count(b) && points <= 1 << 16;
  return wanted && exact && !m.isSlice(b) ? list : std::vector<PieceOf>();
}

bool atSomePiece(Mutant& m, const std::function<void(const PieceOf&)>& change) {
  std::vector<PieceOf> all;
  for (BufId b = 0; b < m.entry.buffers.size(); ++b)
    for (const PieceOf& p : pieces(m, b)) all.push_back(p);
  if (all.empty()) return false;
  const PieceOf piece = all[m.below(all.size())];
  m.note += "  b" + std::to_string(piece.buffer) + "\n";
  change(piece);
  return true;
}

/// A loop's body reads the whole of what its rounds are about to make.
bool readWholeInItsLoop(Mutant& m) {
  std::vector<std::pair<BufId*, BufId>> places;  // an operand, the whole
  for (size_t i = 0; i < m.entry.steps.size(); ++i)
    for (const Slice& s : m.entry.steps[i].slices) {
      if (m.writers(s.slice) == 0 || m.writers(s.whole) != 0 || m.isSliceOf(s.whole)) continue;
      for (size_t j = i + 1; m.entry.steps[j].kind == Step::Kind::Phase; ++j)
        for (Launch& l : m.entry.phases[m.entry.steps[j].phase].launches)
          if (l.bind.size() > m.kernelOf(l).outputs && m.reads(l, l.bind[0]) &&
              m.entry.buffers[l.bind[0]].type.dtype == m.entry.buffers[s.whole].type.dtype)
            places.emplace_back(&l.bind[0], s.whole);
    }
  if (places.empty()) return false;
  const auto& [operand, whole] = places[m.below(places.size())];
  *operand = whole;
  return true;
}

constexpr const char* kUnwritten =
    "before it is written|whose storage|never written|in the phase in which|lives from|share storage";

}  // namespace

std::vector<MutationKind> mistakesInStorage() {
  return {
      {"a launch left out", kUnwritten,
       [](Mutant& m) {
         return atSomeFlow(m, false, any, [&](const Flow& f) {
           auto& launches = m.entry.phases[f.from.phase].launches;
           launches.erase(launches.begin() + static_cast<std::ptrdiff_t>(f.from.launch));
         });
       }},
      {"a result left out", "never written",
       [](Mutant& m) {
         Place at;
         const auto writesOutput = [&](const Launch& l) {
           const BufId b = l.bind.back();
           return m.entry.buffers[b].role == Role::Output && m.writers(b) == 1 && m.count(b) > 0;
         };
         if (!m.pickLaunch(writesOutput, &at)) return false;
         auto& launches = m.entry.phases[at.phase].launches;
         launches.erase(launches.begin() + static_cast<std::ptrdiff_t>(at.launch));
         return true;
       }},
      {"a piece left out", "whole|never written|before it is written",
       [](Mutant& m) {
         return atSomePiece(m, [&](const PieceOf& p) {
           auto& launches = m.entry.phases[p.place.phase].launches;
           launches.erase(launches.begin() + static_cast<std::ptrdiff_t>(p.place.launch));
         });
       }},
      {"a piece at another's place", "accesses element|whole|share storage",
       [](Mutant& m) {
         return atSomePiece(m, [](const PieceOf& p) { p.store->index.constant = p.store->index.constant + Dim(1); });
       }},
      {"a whole read while its slices are made", "before it is written|reads an output|accesses element|another task",
       [](Mutant& m) { return readWholeInItsLoop(m); }},
      {"a reader in its writer's phase", "in the phase in which",
       [](Mutant& m) { return atSomeFlow(m, false, any, [&](const Flow& f) { move(m, f.to, f.from.phase); }); }},
      {"a reader before its writer", kUnwritten,
       [](Mutant& m) {
         return atSomeFlow(
             m, false, [](const Flow& f) { return f.from.phase > 0; },
             [&](const Flow& f) { move(m, f.to, m.below(f.from.phase)); });
       }},
      {"a writer behind its reader", kUnwritten,
       [](Mutant& m) {
         return atSomeFlow(
             m, false, [&](const Flow& f) { return f.to.phase + 1 < m.entry.phases.size(); },
             [&](const Flow& f) { move(m, f.from, f.to.phase + 1); });
       }},
      {"a barrier missing", "in the phase in which",
       [](Mutant& m) {
         return atSomeFlow(m, true, any, [&](const Flow& f) {
           auto& next = m.entry.phases[f.to.phase].launches;
           auto& into = m.entry.phases[f.from.phase].launches;
           into.insert(into.end(), next.begin(), next.end());
           next.clear();
         });
       }},
      {"two phases in the wrong order", kUnwritten,
       [](Mutant& m) {
         return atSomeFlow(m, true, any, [&](const Flow& f) {
           std::swap(m.entry.phases[f.from.phase].launches, m.entry.phases[f.to.phase].launches);
         });
       }},
      {"two live buffers in one place", "share storage|another task|after overwriting",
       [](Mutant& m) {
         Buffer* a = m.pickTemporary();
         if (!a) return false;
         Buffer* b = m.pickBuffer([&](const Buffer& x) {
           const auto number = static_cast<BufId>(&x - m.entry.buffers.data());
           const auto own = static_cast<BufId>(a - m.entry.buffers.data());
           const bool meet = x.first <= a->last && a->first <= x.last;
           return &x != a && x.role == Role::Arena && !m.isSlice(number) && x.bytesAtBound > 0 && meet &&
                  x.alias != own && a->alias != number && (x.alias == UINT32_MAX || x.alias != a->alias);
         });
         if (!b) return false;
         a->offset = b->offset;
         return true;
       }},
      {"two buffers that overlap in part", "share storage|leaves the arena|another task",
       [](Mutant& m) {
         Buffer* a = m.pickTemporary();
         if (!a) return false;
         Buffer* b = m.pickBuffer([&](const Buffer& x) {
           const auto number = static_cast<BufId>(&x - m.entry.buffers.data());
           const bool meet = x.first < a->last && a->first < x.last;
           return &x != a && x.role == Role::Arena && !m.isSlice(number) && x.bytesAtBound > 64 && meet &&
                  x.alias == UINT32_MAX && a->alias == UINT32_MAX;
         });
         if (!b) return false;
         a->offset = b->offset + (b->bytesAtBound - 1) / 64 * 64;
         return true;
       }},
      {"a buffer out of line", "not aligned|share storage|another task",
       [](Mutant& m) {
         Buffer* b = m.pickTemporary();
         if (b) b->offset += 4;
         return b != nullptr;
       }},
      {"a buffer beyond the arena", "leaves the arena",
       [](Mutant& m) {
         Buffer* b = m.pickTemporary();
         if (b) b->offset = (m.entry.arenaBytes + 63) / 64 * 64;
         return b != nullptr;
       }},
      {"an arena too small", "leaves the arena",
       [](Mutant& m) {
         if (!m.pickTemporary()) return false;
         m.entry.arenaBytes = 0;
         return true;
       }},
      {"a life that begins too late", "lives from",
       [](Mutant& m) {
         Buffer* b = m.pickTemporary();
         if (b) ++b->first;
         return b != nullptr;
       }},
      {"a life that ends too early", "lives from",
       [](Mutant& m) {
         Buffer* b = m.pickTemporary();
         if (!b || b->last == 0) return false;
         --b->last;
         return true;
       }},
      {"a result in place of live memory", "share storage|whose storage|another task",
       [](Mutant& m) {
         return atSomeFlow(
             m, false,
             [&](const Flow& f) {
               // The buffer that is read lives on behind the launch that would take its place.
               const Launch& reader = m.entry.phases[f.to.phase].launches[f.to.launch];
               const Buffer& out = m.entry.buffers[reader.bind.back()];
               return out.role == Role::Arena && !m.isSlice(reader.bind.back()) && out.bytesAtBound > 0 &&
                      m.entry.buffers[f.buffer].last > m.stepOf(f.to.phase) && reader.bind.back() != f.buffer &&
                      out.alias != f.buffer;
             },
             [&](const Flow& f) {
               Buffer& out = m.entry.buffers[m.entry.phases[f.to.phase].launches[f.to.launch].bind.back()];
               out.alias = f.buffer;
               out.offset = m.entry.buffers[f.buffer].offset;
             });
       }},
      {"a result on top of what other tasks read", "another task|share storage|after overwriting",
       [](Mutant& m) {
         // A contraction reads each element of its factors in many tasks.
         Launch* launch = m.pickLaunch([&](const Launch& l) {
           const Kernel& k = m.kernelOf(l);
           const auto isOwn = [&](BufId b) {
             return m.entry.buffers[b].role == Role::Arena && !m.isSlice(b) && m.count(b) > 1;
           };
           return k.tmpl == Template::Gemm && isOwn(l.bind[0]) && isOwn(l.bind.back()) && m.reads(l, l.bind[0]) &&
                  m.at(k.iters[k.taskIters.back()].extent) > 1 &&
                  m.entry.buffers[l.bind[0]].last == m.entry.buffers[l.bind.back()].first;
         });
         if (!launch) return false;
         Buffer& out = m.entry.buffers[launch->bind.back()];
         out.alias = launch->bind[0];
         out.offset = m.entry.buffers[launch->bind[0]].offset;
         return true;
       }},
      {"input and output swapped", "",
       [](Mutant& m) {
         // A loop's carry has two writers: without one of them its numbers are wrong, but they are there.
         Launch* launch = m.pickLaunch([&](const Launch& l) {
           return m.kernelOf(l).outputs < l.bind.size() && l.bind[0] != l.bind.back() && m.count(l.bind.back()) > 0 &&
                  m.writers(l.bind.back()) == 1 && m.entry.buffers[l.bind.back()].role != Role::Variable;
         });
         if (!launch) return false;
         std::swap(launch->bind.front(), launch->bind.back());
         return true;
       }},
      {"a launch that reads its own result",
       "before it is written|another type|another task|reads an output|whose storage|accesses element|lives from",
       [](Mutant& m) {
         Launch* launch = m.pickLaunch([&](const Launch& l) {
           return m.kernelOf(l).outputs < l.bind.size() && m.writers(l.bind.back()) == 1 &&
                  l.bind[0] != l.bind.back() && m.count(l.bind.back()) > 0 &&
                  m.entry.buffers[l.bind.back()].role != Role::Variable && !m.isSlice(l.bind.back());
         });
         if (!launch) return false;
         launch->bind.front() = launch->bind.back();
         return true;
       }},
      {"a write to an input", "only to be read", [](Mutant& m) { return rebind(m, true, Role::Input); }},
      {"a write to a literal", "only to be read", [](Mutant& m) { return rebind(m, true, Role::Const); }},
      {"a write to a scalar", "only to be read", [](Mutant& m) { return rebind(m, true, Role::Scalar); }},
      {"a read of an output", "reads an output", [](Mutant& m) { return rebind(m, false, Role::Output); }},
  };
}

}  // namespace nnc::plan
