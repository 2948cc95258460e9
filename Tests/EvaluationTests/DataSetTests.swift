import Evaluation
import Foundation
import Graphs
import Tensors
import TestSupport
import Testing

struct DataSetTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func open(
    _ name: String = "", labels: [String] = [], scores: Int? = nil
  ) throws -> DataSet {
    try DataSet(path: scratch.path + "/" + name, labels: labels, scores: scores)
  }

  private func refuses(
    _ name: String = "", labels: [String] = [], scores: Int? = nil, kind: ModelError.Kind,
    saying part: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: ModelError.self, sourceLocation: sourceLocation) {
      try open(name, labels: labels, scores: scores)
    }
    #expect(error?.kind == kind, sourceLocation: sourceLocation)
    #expect(
      error?.description.contains(part) == true, "\(error?.description ?? "")",
      sourceLocation: sourceLocation)
  }

  @Test func foldersAreClassesInSortedOrder() throws {
    for name in ["dog/2.png", "dog/10.png", "cat/a.JPEG", "cat/notes.md", "cat/.hidden.png"] {
      try scratch.write(name)
    }
    let dataSet = try open(scores: 2)
    #expect(dataSet.kind == .classFolders)
    #expect(dataSet.samples.map(\.name) == ["cat/a.JPEG", "dog/10.png", "dog/2.png"])
    #expect(dataSet.samples.map(\.label) == [0, 1, 1])
    #expect(dataSet.sortedClasses == ["cat", "dog"])
  }

  /// The order of the folders is not that of the model's classes.
  /// As torchvision's `ImageFolder` walks them.
  @Test func nestedFoldersAreInTorchvisionsOrder() throws {
    let names = [
      "a/y.png", "a/x/1.png", "a/x-y/2.png", "a/x/z/3.png", "a-b/4.png", "b/10.png", "b/9.png",
      "b/B.png", "b/a.png", "b/\u{E9}.png", "b/\u{65E5}.png", "b/\u{1F600}.png",
    ]
    for name in names.reversed() { try scratch.write(name) }
    #expect(try open(scores: 3).samples.map(\.name) == names)
  }

  @Test func foldersAreFoundByLabel() throws {
    for name in ["dog/1.png", "cat/1.png"] { try scratch.write(name) }
    let labels = ["dog", "horse", "tabby, cat"]
    #expect(try open(labels: labels, scores: 3).samples.map(\.label) == [2, 0])
    #expect(try open(labels: labels, scores: 3).sortedClasses.isEmpty)
  }

  @Test func foldersAreNumbers() throws {
    for name in ["7/1.png", "12/1.png"] { try scratch.write(name) }
    #expect(try open(scores: 20).samples.map(\.label) == [12, 7])
  }

  @Test func classesThatAreNotTheModels() throws {
    for name in ["dog/1.png", "cat/1.png"] { try scratch.write(name) }
    refuses(
      scores: 10, kind: .badData, saying: "2 classes such as 'cat', the model gives 10 scores")
    refuses(labels: ["cat", "horse"], scores: 2, kind: .badData, saying: "class 'dog' is none of")
    try scratch.write("stray.png")
    refuses(scores: 2, kind: .badData, saying: "'stray.png' lies beside the folders")
  }

  /// Numbers are classes or nothing, never places in a sorted order; of a list neither are words.
  @Test func namesAreNotGuessed() throws {
    try scratch.write("1/a.png")
    try scratch.write("2/a.png")
    refuses(scores: 2, kind: .badData, saying: "class '2' is none of the model's 2 classes")
    for labels in [["-1", "0"], ["1", "2"], ["+0", "1"], ["1e0", "0"], ["cat", "dog"]] {
      let rows = labels.map { "\($0).png,\($0)\n" }.joined()
      try scratch.write("labels.csv", "file,label\n" + rows)
      refuses(scores: 2, kind: .badData, saying: "class")
    }
    try scratch.write("labels.csv", "file,label\na.png,\n")
    refuses(scores: 2, kind: .badData, saying: "lacks a file or a label")
    try scratch.write("labels.csv", "file,label\n../a.png,1\n")
    refuses(scores: 2, kind: .badData, saying: "outside of the folder")
  }

  @Test func linksAreFollowed() throws {
    for name in ["real/cat/1.png", "other/2.png"] { try scratch.write(name) }
    let link = FileManager.default.createSymbolicLink(atPath:withDestinationPath:)
    try link(scratch.path + "/real/dog", scratch.path + "/other")
    try link(scratch.path + "/other/again", scratch.path + "/other")
    try link(scratch.path + "/link", scratch.path + "/real")
    #expect(try open("link", scores: 2).samples.map(\.name) == ["cat/1.png", "dog/2.png"])
  }

  @Test func aFolderWithoutClasses() throws {
    try scratch.write("b.png")
    try scratch.write("a.npy")
    let dataSet = try open()
    #expect(dataSet.kind == .folder)
    #expect(dataSet.samples.map(\.name) == ["a.npy", "b.png"])
    #expect(!dataSet.isLabelled)
  }

  @Test func aListOfLabels() throws {
    try scratch.write("pictures/x, y.png")
    try scratch.write("labels.csv", "label,file,note\ncat,\"pictures/x, y.png\",\n1,b.png,odd\n")
    refuses(labels: ["dog", "cat"], kind: .badData, saying: "class '1' is none of")
    try scratch.write("labels.csv", "label,file\r\ncat,\"pictures/x, y.png\"\r\ndog,b.png\r\n")
    let dataSet = try open(labels: ["dog", "cat"])
    #expect(dataSet.kind == .list)
    #expect(dataSet.samples.map(\.name) == ["pictures/x, y.png", "b.png"])
    #expect(dataSet.samples.map(\.label) == [1, 0])
  }

  @Test(arguments: [
    ("name,class\na.png,1\n", "'file' and 'label'"), ("", "'file' and 'label'"),
    ("file,label\na.png,1\na.png,2\n", "listed twice"), ("file,label\n,1\n", "lacks a file"),
  ])
  func aListThatIsNone(text: String, reason: String) throws {
    try scratch.write("labels.csv", text)
    refuses(scores: 10, kind: .badData, saying: reason)
  }

  @Test func rowsOfAnArray() throws {
    let rows = Tensor((0..<12).map(Float.init), shape: [3, 4])
    try scratch.write("x.npy", rows.npyData())
    try scratch.write("x.labels.npy", Tensor([Int64(2), 0, 1]).npyData())
    let dataSet = try open("x.npy")
    #expect(dataSet.samples.map(\.label) == [2, 0, 1])
    guard case .tensor(let row) = try dataSet.content(of: dataSet.samples[1]) else {
      Issue.record("no row")
      return
    }
    #expect(row.shape == [1, 4])
    #expect(row.elements(as: Float.self) == [4, 5, 6, 7])
    try scratch.write("x.labels.npy", Tensor([Int64(2), 0]).npyData())
    refuses("x.npy", kind: .badData, saying: "2 labels for 3 samples")
    try scratch.write("x.labels.npy", Tensor([Float(2), 0, 1]).npyData())
    refuses("x.npy", kind: .badData, saying: "vector of integers")
    try scratch.write("y.npy", Array("no array".utf8))
    refuses("y.npy", kind: .badData, saying: "not a .npy file")
  }

  /// A row of a file that is written anew is refused, whatever becomes of it.
  @Test func rowsOfAnArrayThatChanges() throws {
    let rows = Tensor((0..<12).map(Float.init), shape: [3, 4])
    let path = try scratch.write("x.npy", rows.npyData())
    let dataSet = try open("x.npy")
    let sound = try bytes(of: path)
    for content in [
      Array(sound.dropLast()), Array(sound.prefix(70)), [], sound + [0],
      rows.reshaped(to: [4, 3]).npyData(),
    ] {
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.truncate(atOffset: 0)
      try handle.write(contentsOf: content)
      try handle.close()
      let error = #expect(throws: ModelError.self) { try dataSet.content(of: dataSet.samples[2]) }
      #expect(error?.reason.contains("it changed after the evaluation began") == true)
      #expect(throws: ModelError.self) { try dataSet.requireUnchanged(dataSet.samples[2]) }
    }
  }

  /// What stands before the elements may be long, within a limit.
  @Test func headersOfArrays() throws {
    let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }"
    for (spaces, isRead) in [(60_000, true), (80_000, false)] {
      let header = text + String(repeating: " ", count: spaces) + "\n"
      let length = (0..<4).map { UInt8(header.utf8.count >> (8 * $0) & 255) }
      let file = [0x93] + Array("NUMPY".utf8) + [2, 0] + length + Array(header.utf8) + [7, 9]
      try scratch.write("x.npy", file)
      guard isRead else {
        refuses("x.npy", kind: .badData, saying: "longer than that of any array of numbers")
        continue
      }
      guard case .tensor(let row) = try open("x.npy").content(of: open("x.npy").samples[1]) else {
        Issue.record("no row")
        continue
      }
      #expect(row.elements(as: UInt8.self) == [9])
    }
  }

  @Test func linesOfNumbers() throws {
    try scratch.write("x.tsv", "\u{FEFF}cat\t1 2.5\n\ndog\t3,4\n")
    let dataSet = try open("x.tsv", labels: ["dog", "cat"])
    #expect(dataSet.samples.map(\.name) == ["line-000001", "line-000003"])
    #expect(dataSet.samples.map(\.label) == [1, 0])
    guard case .numbers(let numbers) = try dataSet.content(of: dataSet.samples[0]) else {
      Issue.record("no numbers")
      return
    }
    #expect(numbers == [1, 2.5])
    try scratch.write(
      "y.tsv", "0\t1 2\n1\tthe cat\n1\t0x10 2\n1\t\n0\t-1e1 +2 -inf Inf\n0\tnan\n0\t1e999\n")
    let words = try open("y.tsv", scores: 2)
    for (place, reason) in [
      (1, "'the' is no number"), (2, "'0x10' is no number"), (3, "the line has no numbers"),
      (5, "'nan' is no number"), (6, "'1e999' is no number"),
    ] {
      let error = #expect(throws: ModelError.self) { try words.content(of: words.samples[place]) }
      #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
    }
    guard case .numbers([-10, 2, -.infinity, .infinity]) = try words.content(of: words.samples[4])
    else {
      Issue.record("no decimal numbers")
      return
    }
    try scratch.write("z.txt", "0\t1 2\n3 4\n")
    refuses("z.txt", scores: 2, kind: .badData, saying: "line 2 has no label")
  }

  @Test func nothingThere() throws {
    refuses("none", kind: .noInput, saying: "no such file or folder")
    refuses(kind: .noInput, saying: "no sample")
    try scratch.write("x.md")
    refuses("x.md", kind: .badData, saying: "a data set is a folder")
  }

  /// The digest tells data sets apart by content, name and label.
  @Test func digests() throws {
    for name in ["a/1.png", "b/1.png"] { try scratch.write(name, [1, 2, 3]) }
    let first = try open(scores: 2)
    #expect(first.samples[0].digest == first.samples[1].digest)
    #expect(try open(scores: 2).digest == first.digest)
    try scratch.write("b/1.png", [1, 2, 4])
    #expect(try open(scores: 2).digest != first.digest)
    try scratch.write("b/1.png", [1, 2, 3])
    #expect(try open(labels: ["b", "a"], scores: 2).digest != first.digest)
  }

  /// Rows of the same bytes are told apart by what the bytes mean.
  @Test func digestsOfRows() throws {
    let bytes = Tensor([1, -1, 0, 3, 2, 1] as [Int8], shape: [2, 3])
    let arrays = [
      bytes, bytes.converted(to: .uint8), bytes.reshaped(to: [2, 3, 1]),
      bytes.reshaped(to: [2, 1, 3]),
    ]
    var digests: Set<String> = []
    var rows: Set<String> = []
    for array in arrays {
      try scratch.write("x.npy", array.npyData())
      let dataSet = try open("x.npy")
      digests.insert(dataSet.digest)
      rows.insert(dataSet.samples[0].digest)
      #expect(try open("x.npy").digest == dataSet.digest)
    }
    #expect(digests.count == arrays.count)
    #expect(rows.count == arrays.count)
  }

  @Test func shardsPartition() throws {
    for number in 0..<100 { try scratch.write("\(number).png", [UInt8(number)]) }
    let samples = try open().samples
    let shards = try (1...7).map { try #require(Shard("\($0)/7")) }
    for sample in samples { #expect(shards.count { $0.contains(sample) } == 1) }
    #expect(shards.allSatisfy { shard in samples.count(where: shard.contains) > 3 })
    for text in ["0/3", "4/3", "1", "1/0", "a/3", "1/3/5", ""] { #expect(Shard(text) == nil) }
  }
}
