import Evaluation
import Graphs
import TestSupport
import Testing

struct ClassNamesTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// The labels of a folder with a picture in each of these subfolders.
  private func labels(
    of folders: [String], in labels: [String] = [], scores: Int
  ) throws -> [Int?] {
    let data = folders.joined(separator: "-")
    for (number, folder) in folders.enumerated() {
      try scratch.write("\(data)/\(folder)/\(number).png", [UInt8(number)])
    }
    let dataSet = try DataSet(path: "\(scratch.path)/\(data)", labels: labels, scores: scores)
    let found = dataSet.samples.map { ($0.name.split(separator: "/")[0], $0.label) }
    return folders.map { folder in found.first { $0.0 == folder }?.1 }
  }

  private func refuses(
    _ folders: [String], in labels: [String], saying parts: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: ModelError.self, sourceLocation: sourceLocation) {
      try self.labels(of: folders, in: labels, scores: labels.count)
    }
    for part in parts {
      #expect(
        error?.description.contains(part) == true, "\(error?.description ?? "")",
        sourceLocation: sourceLocation)
    }
  }

  /// A name between commas is a class's, the first word of a longer name is not.
  @Test func namesBetweenCommas() throws {
    let names = ["tiger shark, Galeocerdo cuvieri", "tench, Tinca tinca", "tiger, Panthera tigris"]
    #expect(
      try labels(of: ["tiger", "Tinca tinca"], in: names, scores: 3) == [2, 1])
    refuses(
      ["tench", "shark"], in: names, saying: ["class 'shark' is none of the model's 3 labels"])
    refuses(["tench", "tigre"], in: names, saying: ["'tigre'", "did you mean 'tiger'"])
  }

  @Test func wordNetIdentifiers() throws {
    let names = ["n01491361 tiger shark, shark", "n02129604 tiger, Panthera tigris"]
    #expect(try labels(of: ["n02129604", "shark"], in: names, scores: 2) == [1, 0])
  }

  /// ImageNet has two cranes; a whole label goes before a part of another one.
  @Test func namesOfSeveralClasses() throws {
    refuses(
      ["crane", "stork"], in: ["crane", "stork", "crane"],
      saying: ["class 'crane' is that of scores 0 'crane', 2 'crane'"])
    refuses(
      ["crane", "stork"], in: ["crane, bird", "stork", "crane, machine"],
      saying: ["0 'crane, bird', 2 'crane, machine'"])
    #expect(
      try labels(of: ["crane", "stork"], in: ["crane, machine", "stork", "crane"], scores: 3)
        == [2, 1])
  }

  @Test func numbersWithZerosInFront() throws {
    #expect(try labels(of: ["00000", "00009", "012"], scores: 20) == [0, 9, 12])
  }
}
