import Graphs

/// Which class of a model a name in a data set means.
package struct ClassNames: Sendable {
  /// How classes are found.
  enum Rule {
    /// Names are labels of the model.
    case labels
    /// Names are indices of scores.
    case numbers
    /// Names mean nothing: their sorted order is taken for that of the scores.
    case sortedOrder
  }

  /// The classes of some names.
  package struct Reading {
    /// Those of the names that mean one class.
    package let indices: [String: Int]
    let rule: Rule

    /// The names in the order of the classes that were guessed from it; empty where classes were known.
    package var sortedClasses: [String] {
      rule == .sortedOrder ? indices.sorted { $0.value < $1.value }.map(\.key) : []
    }
    /// The classes of names that mean several.
    let ambiguous: [String: [Int]]

    init(_ rule: Rule, _ indices: [String: Int], ambiguous: [String: [Int]] = [:]) {
      self.rule = rule
      self.indices = indices
      self.ambiguous = ambiguous
    }
  }

  /// The names of the model's classes.
  let labels: [String]
  /// How many scores the model gives.
  let scores: Int?

  /// The names and number of a model's classes, as far as they are known.
  package init(labels: [String], scores: Int?) {
    self.labels = labels
    self.scores = scores
  }

  /// The class of each of these names: that whose label is the name, else whose label begins with it as
  /// a WordNet id, else whose label holds it between commas, as in `tiger, Panthera tigris`. Where no name
  /// is a label, the number that each name is. Where none is a number either, the sorted order of folders,
  /// as in torchvision's `ImageFolder`, if there are as many as scores.
  ///
  /// Names that mean no class or several are left out.
  package func known(_ names: Set<String>, areFolders: Bool) -> Reading {
    let found = matches(names)
    if !found.isEmpty {
      return Reading(
        .labels, found.compactMapValues { $0.count == 1 ? $0.first : nil },
        ambiguous: found.filter { $0.value.count > 1 })
    }
    let numbers = names.compactMap { name in Self.number(name).map { (name, $0) } }
    if !numbers.isEmpty || names.contains(where: { Int($0) != nil }) {
      let known = numbers.filter { (0..<(scores ?? labels.count)).contains($0.1) }
      return Reading(.numbers, Dictionary(uniqueKeysWithValues: known))
    }
    guard areFolders, names.count == scores else { return Reading(.numbers, [:]) }
    return Reading(
      .sortedOrder, Dictionary(uniqueKeysWithValues: names.sorted().enumerated().map { ($1, $0) }))
  }

  /// The classes of these names, all of which must have one.
  func reading(of names: Set<String>, areFolders: Bool = false) throws(ModelError) -> Reading {
    let reading = known(names, areFolders: areFolders)
    if let (name, places) = reading.ambiguous.min(by: { $0.key < $1.key }) {
      let meanings = places.prefix(3).map { "\($0) '\(labels[$0])'" }.joined(separator: ", ")
      throw ModelError(
        "class '\(name)' is that of scores \(meanings)\(places.count > 3 ? ", ..." : ""); name it by "
          + "its whole label, or all classes by number")
    }
    guard let missing = names.sorted().first(where: { reading.indices[$0] == nil }) else {
      return reading
    }
    guard reading.indices.isEmpty else {
      let hint = LabelNames(labels).hint(for: missing)
      throw ModelError(
        "class '\(missing)' is none of the model's "
          + (reading.rule == .labels
            ? "\(labels.count) labels\(hint)" : "\(scores ?? labels.count) classes"))
    }
    let count = scores.map { ", the model gives \($0) scores" } ?? ""
    let hint =
      labels.isEmpty ? "name a file of labels with --labels" : "no class is one of its labels"
    throw ModelError("there are \(names.count) classes such as '\(missing)'\(count); \(hint)")
  }

  /// What a user should know of classes that were guessed from the order of folders; nil of none.
  package static func note(ofSorted classes: [String]) -> String? {
    guard let first = classes.first, let last = classes.last else { return nil }
    return "folders are taken for classes in sorted order, '\(first)' for 0 and '\(last)' for "
      + "\(classes.count - 1); --labels names the model's classes"
  }

  private func matches(_ names: Set<String>) -> [String: [Int]] {
    let known = LabelNames(labels)
    var found: [String: [Int]] = [:]
    for name in names {
      let places = [
        known.scores(labelled: name), known.scores(identified: name), known.scores(named: name),
      ]
      found[name] = places.first { !$0.isEmpty }
    }
    return found
  }

  /// The number that digits alone spell, zeros in front allowed.
  private static func number(_ name: String) -> Int? {
    name.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(name) : nil
  }
}
