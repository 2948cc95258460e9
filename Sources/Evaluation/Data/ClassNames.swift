package import Graphs

/// Which class of a model a name in a data set means.
package struct ClassNames: Sendable {
  /// The names of the model's classes.
  let labels: [String]
  /// How many scores the model gives.
  let scores: Int?

  /// The names and number of a model's classes, as far as they are known.
  package init(labels: [String], scores: Int?) {
    self.labels = labels
    self.scores = scores
  }

  /// The class of each of these names: the label that is the name or begins with it as a word, such as
  /// a WordNet id. Where no name is a label, the number that each name is. Where none is a number either,
  /// the sorted order of folders, as in torchvision's `ImageFolder`, if there are as many as scores.
  ///
  /// Names that mean no class are left out.
  package func known(_ names: Set<String>, areFolders: Bool) -> [String: Int] {
    let byLabel = matches(names)
    if !byLabel.isEmpty { return byLabel }
    let count = scores ?? labels.count
    let numbers = names.compactMap { name in Int(name).map { (name, $0) } }
    if !numbers.isEmpty {
      return Dictionary(
        uniqueKeysWithValues: numbers.filter { (0..<count).contains($0.1) && "\($0.1)" == $0.0 })
    }
    guard areFolders, names.count == scores else { return [:] }
    return Dictionary(uniqueKeysWithValues: names.sorted().enumerated().map { ($1, $0) })
  }

  /// The class of each of these names, all of which must have one.
  package func indices(
    of names: Set<String>, areFolders: Bool = false
  ) throws(ModelError) -> [String: Int] {
    let known = known(names, areFolders: areFolders)
    guard let missing = names.sorted().first(where: { known[$0] == nil }) else { return known }
    guard known.isEmpty else {
      throw ModelError(
        "class '\(missing)' is none of the model's "
          + (matches(names).isEmpty
            ? "\(scores ?? labels.count) classes" : "\(labels.count) labels"))
    }
    let count = scores.map { ", the model gives \($0) scores" } ?? ""
    let hint =
      labels.isEmpty ? "name a file of labels with --labels" : "no class is one of its labels"
    throw ModelError("there are \(names.count) classes such as '\(missing)'\(count); \(hint)")
  }

  private func matches(_ names: Set<String>) -> [String: Int] {
    var indices: [String: Int] = [:]
    for (index, label) in labels.enumerated().reversed() {
      if let word = label.split(separator: " ").first { indices[String(word)] = index }
    }
    for (index, label) in labels.enumerated().reversed() { indices[label] = index }
    return indices.filter { names.contains($0.key) }
  }
}
