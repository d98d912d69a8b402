// Speaks to a plugin socket with grpc-go as Argo CD's repo-server does, one case a run, and prints what came back as
// one JSON object: {"code": …, "message": …, "manifests": […], "announcements": […], "millis": …}, or a list of such for
// `many`, which makes `-count` connections at once. With several archives each request of `many` takes the next one.
//
// The messages are written by hand, so that no generated code is needed: field numbers as in plugin.proto.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

const service = "/plugin.ConfigManagementPluginService/"

// raw carries messages as the bytes that they are on the wire.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

type answer struct {
	Code          string         `json:"code"`
	Message       string         `json:"message"`
	Manifests     []string       `json:"manifests"`
	Announcements []announcement `json:"announcements,omitempty"`
	Millis        float64        `json:"millis"`
}

// announcement is a ParameterAnnouncement, with the fields that were set.
type announcement struct {
	Name           string            `json:"name"`
	Title          string            `json:"title"`
	Tooltip        string            `json:"tooltip"`
	ItemType       string            `json:"itemType"`
	CollectionType string            `json:"collectionType"`
	String         string            `json:"string"`
	Map            map[string]string `json:"map,omitempty"`
}

type entries []string

func (e *entries) String() string        { return strings.Join(*e, ",") }
func (e *entries) Set(text string) error { *e = append(*e, text); return nil }

type client struct {
	socket  string
	path    string
	env     entries
	headers entries
	tgz     []byte
	chunk   int
}

func main() {
	c := client{}
	var files entries
	var name string
	var count int
	var timeout time.Duration
	flag.StringVar(&c.socket, "socket", "", "the plugin's socket")
	flag.StringVar(&c.path, "path", ".", "the Application's path")
	flag.Var(&c.env, "env", "an entry NAME=VALUE, repeatable")
	flag.Var(&c.headers, "header", "a header NAME=VALUE of the call, repeatable")
	flag.Var(&files, "tgz", "the archive, repeatable")
	flag.IntVar(&count, "count", 64, "how many at once")
	flag.IntVar(&c.chunk, "chunk", 1024, "bytes of one piece")
	flag.StringVar(&name, "case", "flow", "what to do")
	flag.DurationVar(&timeout, "timeout", 60*time.Second, "the deadline")
	flag.Parse()
	archives := make([][]byte, len(files))
	for i, file := range files {
		var err error
		if archives[i], err = os.ReadFile(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if len(archives) == 0 {
		fmt.Fprintln(os.Stderr, "no -tgz")
		os.Exit(1)
	}
	c.tgz = archives[0]
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var result any
	if name == "many" {
		result = c.many(ctx, count, archives)
	} else {
		result = c.once(ctx, name)
	}
	_ = json.NewEncoder(os.Stdout).Encode(result)
}

func (c *client) many(ctx context.Context, count int, archives [][]byte) []answer {
	answers := make([]answer, count)
	var all sync.WaitGroup
	for i := range answers {
		all.Add(1)
		go func() {
			defer all.Done()
			one := *c
			one.tgz = archives[i%len(archives)]
			begun := time.Now()
			answers[i] = one.once(ctx, "flow")
			answers[i].Millis = float64(time.Since(begun).Microseconds()) / 1000
		}()
	}
	all.Wait()
	return answers
}

// once makes a connection, asks for the configuration twice and then for manifests, as a render of a named plugin does.
func (c *client) once(ctx context.Context, name string) answer {
	connection, err := c.dial()
	if err != nil {
		return failed(err)
	}
	defer connection.Close()
	for range 2 {
		request, response := []byte{}, []byte{}
		if err := connection.Invoke(ctx, service+"CheckPluginConfiguration", &request, &response); err != nil {
			return failed(err)
		}
	}
	method := "GenerateManifest"
	switch name {
	case "match":
		method = "MatchRepository"
	case "announce":
		method = "GetParametersAnnouncement"
	case "unknown":
		method = "Nothing"
	}
	if name == "cancel" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
	}
	for _, header := range c.headers {
		name, value, _ := strings.Cut(header, "=")
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	description := &grpc.StreamDesc{ClientStreams: true}
	stream, err := connection.NewStream(ctx, description, service+method)
	if err != nil {
		return failed(err)
	}
	// An unknown method is refused before anything is heard, so that whatever is sent may find the stream closed.
	if name != "unknown" {
		if err := c.send(stream, name); err != nil {
			// What repo-server reports when the other side ends too early.
			return answer{Code: "SendFailed", Message: err.Error()}
		}
	}
	response := []byte{}
	if err := stream.CloseSend(); err != nil {
		return failed(err)
	}
	if err := stream.RecvMsg(&response); err != nil {
		return failed(err)
	}
	if name == "announce" {
		return answer{Code: "OK", Announcements: announcements(response)}
	}
	texts := []string{}
	for _, field := range fields(response) {
		if field.number == 1 {
			texts = append(texts, string(field.value))
		}
	}
	return answer{Code: "OK", Manifests: texts}
}

// dial connects as Argo CD does: a passthrough target with the path, the connection made by hand, no TLS.
func (c *client) dial() (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:"+c.socket,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second}),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(100<<20), grpc.MaxCallSendMsgSize(100<<20)),
	)
}

func (c *client) send(stream grpc.ClientStream, name string) error {
	if name != "no-metadata" {
		if err := stream.SendMsg(c.metadata(name == "wrong-checksum")); err != nil {
			return err
		}
	}
	reader := bytes.NewReader(c.tgz)
	for piece := 0; ; piece++ {
		chunk := make([]byte, c.chunk)
		count, err := io.ReadFull(reader, chunk)
		if count == 0 {
			return nil
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return err
		}
		if name == "second-metadata" && piece == 1 {
			if err := stream.SendMsg(c.metadata(false)); err != nil {
				return err
			}
		}
		if name == "slow" {
			time.Sleep(20 * time.Millisecond)
		}
		if (name == "cancel" || name == "stall") && piece == 1 {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		file := field(nil, 1, chunk[:count])
		message := field(nil, 2, file)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func (c *client) metadata(wrong bool) *[]byte {
	sum := sha256.Sum256(c.tgz)
	if wrong {
		sum[0] ^= 1
	}
	fields := field(nil, 1, []byte(c.path[strings.LastIndex(c.path, "/")+1:]))
	fields = field(fields, 2, []byte(c.path))
	fields = field(fields, 3, []byte(hex.EncodeToString(sum[:])))
	fields = protowire.AppendTag(fields, 4, protowire.VarintType)
	fields = protowire.AppendVarint(fields, uint64(len(c.tgz)))
	for _, entry := range c.env {
		name, value, _ := strings.Cut(entry, "=")
		fields = field(fields, 5, field(field(nil, 1, []byte(name)), 2, []byte(value)))
	}
	message := field(nil, 1, fields)
	return &message
}

func field(message []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(message, number, protowire.BytesType), value)
}

type part struct {
	number protowire.Number
	value  []byte
}

// fields takes a message apart: its fields of strings, bytes and messages.
func fields(message []byte) []part {
	parts := []part{}
	for len(message) > 0 {
		number, kind, count := protowire.ConsumeTag(message)
		if count < 0 {
			break
		}
		message = message[count:]
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			parts = append(parts, part{number, value})
		}
		if count = protowire.ConsumeFieldValue(number, kind, message); count < 0 {
			break
		}
		message = message[count:]
	}
	return parts
}

// announcements reads a ParametersAnnouncementResponse.
func announcements(message []byte) []announcement {
	all := []announcement{}
	for _, entry := range fields(message) {
		one := announcement{}
		for _, field := range fields(entry.value) {
			text := string(field.value)
			switch field.number {
			case 1:
				one.Name = text
			case 2:
				one.Title = text
			case 3:
				one.Tooltip = text
			case 5:
				one.ItemType = text
			case 6:
				one.CollectionType = text
			case 7:
				one.String = text
			case 9:
				if one.Map == nil {
					one.Map = map[string]string{}
				}
				var key, value string
				for _, half := range fields(field.value) {
					if half.number == 1 {
						key = string(half.value)
					} else {
						value = string(half.value)
					}
				}
				one.Map[key] = value
			}
		}
		all = append(all, one)
	}
	return all
}

func failed(err error) answer {
	return answer{Code: status.Code(err).String(), Message: status.Convert(err).Message()}
}
