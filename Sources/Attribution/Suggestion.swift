/// Names that somebody may have meant.
package enum Suggestion {
  /// The known names nearest to one that is not known, by the count of letters to change: at most three,
  /// none if all are far.
  package static func names(for name: String, among known: [String]) -> [String] {
    let wanted = Array(name.lowercased().utf8)
    let limit = max(2, wanted.count / 3)
    var taken: Set<String> = []
    let known = known.filter { taken.insert($0).inserted }
    let near = known.map { (name: $0, distance: distance(wanted, Array($0.lowercased().utf8))) }
      .filter { $0.distance <= limit }
    let inside = known.filter { !name.isEmpty && $0.lowercased().contains(name.lowercased()) }
    let sorted = near.sorted { $0.distance < $1.distance }.map(\.name)
    return Array((sorted + inside.filter { !sorted.contains($0) }).prefix(3))
  }

  /// The same as the end of a message, as in `; did you mean 'conv1'?`.
  package static func text(for name: String, among known: [String]) -> String {
    let names = names(for: name, among: known)
    guard !names.isEmpty else { return "" }
    return "; did you mean " + names.map { "'\($0)'" }.joined(separator: " or ") + "?"
  }

  /// Levenshtein's distance: letters to put in, take out or exchange.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (index, letter) in a.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (place, other) in b.enumerated() {
        let exchange = diagonal + (letter == other ? 0 : 1)
        diagonal = row[place + 1]
        row[place + 1] = min(exchange, diagonal + 1, row[place] + 1)
      }
    }
    return row[b.count]
  }
}
