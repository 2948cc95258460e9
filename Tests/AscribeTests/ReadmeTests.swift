import Foundation
import Graphs
import Operators
import Testing

@Suite struct ReadmeTests {
  /// The README lists exactly the operators that the importer finds.
  @Test func theListOfOperatorsIsTheRegistrys() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "README.md")
    let text = try String(contentsOf: path, encoding: .utf8)
    let start = try #require(text.range(of: "\nAbs, "))
    let end = try #require(text.range(of: "Xor.\n", range: start.lowerBound..<text.endIndex))
    let names = text[start.lowerBound..<end.upperBound]
      .split(whereSeparator: { !$0.isLetter && !$0.isNumber }).map(String.init)
      .filter { $0 != "inference" }
    let known = Registry.operators.map { $0.specification }.filter { $0.domain.isEmpty }
    #expect(Set(names) == Set(known.map(\.name)))
    #expect(names == names.sorted())
  }
}
